// The address is fixed: a link to this page cannot make it show somebody else's document.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  // Else it sends the document to a validator elsewhere.
  validatorUrl: null,
});
