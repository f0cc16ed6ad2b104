// A plugin of typedoc for the API reference: each page is called what an application imports, and links lead to headings.

/** @param {string} entry the name of a file in `src` */
const specifierOf = entry => (entry === "index" ? "with-idempotency" : `with-idempotency/${entry}`);

/**
 * Numbers a link only where headings are alike: typedoc counts members too that have no heading of their own.
 * @param {string} page
 */
function mended(page) {
  const headings = Array.from(page.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^a-z0-9_ -]/g, "")
      .trim()
      .replaceAll(" ", "-"),
  );
  return page.replace(/\(#([a-z0-9_-]+)-(\d+)\)/g, (link, name, number) => {
    const alike = headings.filter(heading => heading === name).length;
    return alike > Number(number) || headings.includes(`${name}-${number}`) || alike === 0
      ? link
      : `(#${name})`;
  });
}

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.on("bootstrapEnd", () => {
    app.options.setValue("pageTitleTemplates", {
      index: () => "Entries",
      module: ({ name }) => specifierOf(name),
    });
  });
  app.renderer.on("endPage", page => {
    page.contents = mended(page.contents);
  });
}
