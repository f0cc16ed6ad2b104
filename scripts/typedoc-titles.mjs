// A plugin of typedoc: each page of the API reference is called what an application imports.

/** @param {string} entry the name of a file in `src` */
const specifierOf = entry => (entry === "index" ? "with-idempotency" : `with-idempotency/${entry}`);

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.on("bootstrapEnd", () => {
    app.options.setValue("pageTitleTemplates", {
      index: () => "Entries",
      module: ({ name }) => specifierOf(name),
    });
  });
}
