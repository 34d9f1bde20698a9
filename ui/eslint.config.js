import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";

const tauri = {
  group: ["@tauri-apps/*"],
  message: "Only src/ipc/client.ts talks to Tauri; import a Backend instead.",
};

export default ts.config(
  { ignores: ["dist/", "src/bindings/"] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { files: ["**/*.svelte", "**/*.svelte.ts"], languageOptions: { parserOptions: { parser: ts.parser } } },
  {
    rules: {
      "no-console": "error",
      "svelte/no-at-html-tags": "error",
      "no-restricted-imports": ["error", { patterns: [tauri] }],
    },
  },
  { files: ["src/ipc/client.ts", "tests/mock.ts"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["src/ipc/**", "src/words/**"],
    ignores: ["src/ipc/client.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [tauri, { group: ["**/*.svelte"], message: "Lower layers know no views." }] },
      ],
    },
  },
);
