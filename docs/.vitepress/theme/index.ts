/// <reference types="vitepress/client" />
import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import { type AsyncComponentLoader, defineAsyncComponent, type FunctionalComponent } from "vue";
import { playgroundDoor } from "./playground-door.ts";
import "./style.css";

/** The components of the playground, each loaded when a page first shows it. */
const loaders = import.meta.glob("./playground/*.vue") as Record<string, AsyncComponentLoader>;
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1, -".vue".length);
const nothing: FunctionalComponent = () => [];

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    for (const [path, load] of Object.entries(loaders)) {
      app.component(nameOf(path), defineAsyncComponent(load));
    }
    const playground = app.component("Playground");
    app.component("PlaygroundDoor", playground ? playgroundDoor(playground) : nothing);
  },
} satisfies Theme;
