// Shows the served OpenAPI document; nothing is fetched from elsewhere.
const place = document.getElementById("doors");
SwaggerUIBundle({ domNode: place, url: place.dataset.source, deepLinking: true, validatorUrl: null });
