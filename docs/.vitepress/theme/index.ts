/// <reference types="vitepress/client" />
import type { Theme } from "vitepress";
import { useData } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import {
  type AsyncComponentLoader,
  defineAsyncComponent,
  type FunctionalComponent,
  onMounted,
  watch,
} from "vue";
import { playgroundDoor } from "./playground-door.ts";
import "./style.css";

/** The components of the playground and of the calculator, each loaded when a page first shows it. */
const loaders = import.meta.glob("./{playground,sizing}/*.vue") as Record<string, AsyncComponentLoader>;
const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1, -".vue".length);
const nothing: FunctionalComponent = () => [];

/** Names the first page's content as what it is: VitePress does so for the other layouts only. */
function markHome(isHome: boolean): void {
  const content = document.getElementById("VPContent");
  if (isHome) content?.setAttribute("role", "main");
  else content?.removeAttribute("role");
}

export default {
  extends: DefaultTheme,
  setup() {
    const { frontmatter } = useData();
    const mark = () => markHome(frontmatter.value["layout"] === "home");
    onMounted(mark);
    watch(() => frontmatter.value["layout"], mark, { flush: "post" });
  },
  enhanceApp({ app }) {
    for (const [path, load] of Object.entries(loaders)) {
      app.component(nameOf(path), defineAsyncComponent(load));
    }
    const playground = app.component("Playground");
    app.component("PlaygroundDoor", playground ? playgroundDoor(playground) : nothing);
  },
} satisfies Theme;
