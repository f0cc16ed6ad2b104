import { type Component, defineComponent, h, shallowRef } from "vue";

/** The playground on the first page, which nothing of it burdens until a reader opens it. */
export const playgroundDoor = (playground: Component) =>
  defineComponent({
    name: "PlaygroundDoor",
    setup() {
      const isOpen = shallowRef(false);
      const open = () => {
        isOpen.value = true;
      };
      const door = () =>
        h("div", { class: "playground-door" }, [
          h(
            "p",
            "Kill a worker, cut an answer, send two calls at once, and watch what the library does. It runs in this page.",
          ),
          h("button", { type: "button", onClick: open }, "Open the playground"),
        ]);
      return () => (isOpen.value ? h(playground) : door());
    },
  });
