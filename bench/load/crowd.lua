-- Purchases at a rate, for wrk: so many connections, each of which asks again after a pause, answered or refused.
--
--   wrk … -s crowd.lua URL -- BODY_FILE IDS_FILE KEY_PREFIX API_KEY PAUSE_MS
--
-- In the body `$ID` is the id. Prints one line of JSON at the end: what was taken on, what was refused with leave to
-- come again (503 and 429 with Retry-After), and whatever else there was.

local body, key_prefix, api_key, pause_ms
local ids, sent = {}, 0
local threads = {}
taken, refused, other = 0, 0, 0
-- The status of the last answer that was neither.
strange = 0

local function contents(name)
  local file = assert(io.open(name, "r"))
  local text = file:read("*a")
  file:close()
  return text
end

function setup(thread) threads[#threads + 1] = thread end

function init(args)
  body, key_prefix, api_key, pause_ms = contents(args[1]), args[3], args[4], tonumber(args[5])
  for id in contents(args[2]):gmatch("%S+") do ids[#ids + 1] = id end
end

-- At random around the pause, so that the crowd does not come in waves.
function delay() return pause_ms > 0 and math.random(0, 2 * pause_ms) or 0 end

function request()
  sent = sent + 1
  local headers = { ["x-api-key"] = api_key, ["content-type"] = "application/json" }
  headers["idempotency-key"] = key_prefix .. sent
  local id = ids[(sent - 1) % #ids + 1]
  return wrk.format("POST", "/api/v1/checkout", headers, (body:gsub("$ID", id)))
end

function response(status, headers)
  if status == 201 or status == 202 then
    taken = taken + 1
  elseif (status == 503 or status == 429) and (headers["retry-after"] or headers["Retry-After"]) then
    refused = refused + 1
  else
    other = other + 1
    strange = status
  end
end

function done(summary, latency)
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  local all, seen = { taken = 0, refused = 0, other = 0 }, 0
  for _, thread in ipairs(threads) do
    for name in pairs(all) do all[name] = all[name] + thread:get(name) end
    seen = math.max(seen, thread:get("strange"))
  end
  io.write(string.format(
    '\nresult {"taken": %d, "refused": %d, "other": %d, "strange": %d, "broken": %d, "us": %d, "p50_us": %d, "p99_us": %d, "max_us": %d}\n',
    all.taken, all.refused, all.other, seen, broken, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max))
end
