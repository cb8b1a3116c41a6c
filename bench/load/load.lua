-- One kind of request, over and over, for wrk: each time for the next id of a list, and with a key of its own.
--
--   wrk … -s load.lua URL -- METHOD PATH BODY_FILE IDS_FILE KEY_PREFIX API_KEY
--
-- In PATH and in the body `$ID` is the id. BODY_FILE `-`: no body. Prints one line of JSON at the end.

local method, path, body, key_prefix, api_key
local ids, ready = {}, nil
local sent = 0

local function contents(name)
  local file = assert(io.open(name, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

local function headers()
  local all = { ["x-api-key"] = api_key }
  if body then all["content-type"] = "application/json" end
  return all
end

function init(args)
  method, path, key_prefix, api_key = args[1], args[2], args[5], args[6]
  body = args[3] ~= "-" and contents(args[3]) or nil
  for id in contents(args[4]):gmatch("%S+") do ids[#ids + 1] = id end
  if body then return end
  -- Without a body and a key nothing changes from one request to the next but the id.
  ready = {}
  for at, id in ipairs(ids) do ready[at] = wrk.format(method, path:gsub("$ID", id), headers(), nil) end
end

function request()
  sent = sent + 1
  local at = (sent - 1) % #ids + 1
  if ready then return ready[at] end
  local id, with_key = ids[at], headers()
  with_key["idempotency-key"] = key_prefix .. sent
  return wrk.format(method, path:gsub("$ID", id), with_key, (body:gsub("$ID", id)))
end

function done(summary, latency)
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '\nresult {"requests": %d, "us": %d, "refused": %d, "broken": %d, "p50_us": %d, "p99_us": %d, "max_us": %d}\n',
    summary.requests, summary.duration, summary.errors.status, broken,
    latency:percentile(50), latency:percentile(99), latency.max))
end
