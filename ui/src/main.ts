import { mount } from "svelte";
import App from "./App.svelte";
import { asInAnApp } from "./app-habits";
import { client } from "./ipc/client";
import { App as State } from "./state/app.svelte";
import "./styles/tokens.css";
import "./styles/fonts.css";
import "./styles/base.css";
import "./styles/controls.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

asInAnApp(document);
// WebKitGTK would show the first page without its text.
await Promise.allSettled(["Inter Variable", "JetBrains Mono Variable"].map((font) => document.fonts.load(`13px "${font}"`)));

export default mount(App, { target, props: { app: new State(client) } });
