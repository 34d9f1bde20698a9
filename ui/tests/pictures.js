// Draws every screen, at 1280 pixels in English and at 640 in German, in both themes: node tests/pictures.js FOLDER [NAME…]
import { mkdir } from "node:fs/promises";
import { screens, show, speak } from "./screens.js";
import { stage } from "./stage.js";

const SIZES = [
  { width: 1280, height: 800, language: "en" },
  { width: 640, height: 800, language: "de" },
];
const [folder = "screens", ...names] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const set = await stage();
for (const screen of screens.filter((one) => names.length === 0 || names.includes(one.name))) {
  for (const { width, height, language } of SIZES) {
    const opened = await set.open(screen.scenario, { width, height, motion: "reduce" });
    await show(opened, screen);
    await speak(opened.page, language);
    for (const colorScheme of ["light", "dark"]) {
      await opened.page.emulateMedia({ colorScheme });
      await opened.page.screenshot({ path: `${folder}/${screen.name}-${colorScheme}-${width}.png` });
    }
    await opened.close();
  }
}
await set.close();
