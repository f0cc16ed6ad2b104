import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { ENTRIES } from "../../scripts/entries.ts";
import { ROOT } from "./child.ts";

// What is called is documented by a call: test/docs/samples.test.ts runs each.
test("every exported function, and every method of what it makes, has an example", {
  timeout: 60_000,
}, () => {
  const files = ENTRIES.map(entry => join(ROOT, `src/${entry}.ts`));
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT);
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();

  const lacking = new Set<string>();
  const look = (symbol: ts.Symbol, name: string) => {
    const tags = symbol.getJsDocTags(checker);
    if (!tags.some(tag => tag.name === "example")) lacking.add(name);
  };
  for (const file of files) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file) as ts.SourceFile);
    for (const exported of checker.getExportsOfModule(module as ts.Symbol)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      const type = checker.getTypeOfSymbol(symbol);
      if (symbol.flags & ts.SymbolFlags.Value && type.getCallSignatures().length > 0)
        look(symbol, symbol.name);
      if (symbol.name !== "Idempotency") continue;
      // `withIdempotency` and `makeIdempotent` refer to the functions of those names, which have one.
      for (const method of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
        if (!/^(withIdempotency|makeIdempotent)$/.test(method.name))
          look(method, `Idempotency.${method.name}`);
      }
    }
  }
  expect([...lacking]).toEqual([]);
});
