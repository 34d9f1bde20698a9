import { mount } from "svelte";
import App from "./App.svelte";
import { client } from "./ipc/client";
import { App as State } from "./state/app.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

export default mount(App, { target, props: { app: new State(client) } });
