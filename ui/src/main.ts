import { mount } from "svelte";
import App from "./App.svelte";
import { client } from "./ipc/client";
import "./styles/tokens.css";

const target = document.getElementById("app");
if (target === null) throw new Error("index.html has no #app");

export default mount(App, { target, props: { backend: client } });
