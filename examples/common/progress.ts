/** Where a run's progress goes. */
export interface Progress {
  /** Shows how far it is, in place of what it showed before; on a terminal only. */
  show(text: string): void;
  /** Writes a line that stays. */
  line(text: string): void;
}

const CLEAR_LINE = "\r\u001b[K";

/** Live progress on a terminal, plain lines elsewhere. */
export function createProgress(write: (text: string) => void, live: boolean): Progress {
  return {
    show(text) {
      if (live) write(CLEAR_LINE + text);
    },
    line(text) {
      write(`${live ? CLEAR_LINE : ""}${text}\n`);
    },
  };
}
