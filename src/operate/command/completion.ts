import { ADDRESSES } from "../addresses/addresses.ts";
import type { Verb } from "./context.ts";
import { EXIT } from "./failure.ts";
import { NAME } from "./help.ts";
import { FLAGS, type Flag, type FlagName } from "./options.ts";

const SHELLS = ["bash", "zsh"] as const;

/** The verb that writes what a shell completes the command by. */
export const completionOf = (verbs: () => Readonly<Record<string, Verb>>): Verb => ({
  summary: "print a completion script for a shell",
  operand: "SHELL",
  choices: SHELLS,
  flags: [],
  takesAddress: false,
  details: `SHELL is bash or zsh. For bash: eval "$(${NAME} completion bash)" in ~/.bashrc; for zsh the same in ~/.zshrc,
behind compinit.`,
  example: `${NAME} completion bash`,
  async run({ io, given }) {
    await io.out(given.operands[0] === "zsh" ? zsh(verbs()) : bash(verbs()));
    return EXIT.done;
  },
});

function wordsOf({ flags, takesAddress, choices = [] }: Verb): string {
  const names = [...(takesAddress ? Object.keys(ADDRESSES) : []), ...flags, "help"];
  return [...choices, ...names.map(name => `--${name}`)].join(" ");
}

const choicesOf = (name: FlagName): readonly string[] => (FLAGS[name] as Flag).choices ?? [];

function bash(verbs: Readonly<Record<string, Verb>>): string {
  const cases = Object.entries(verbs).map(([name, verb]) => `    ${name}) words="${wordsOf(verb)}" ;;\n`);
  return `# bash completion of ${NAME}
_with_idempotency() {
  local words="${Object.keys(verbs).join(" ")} --help --version"
  local word="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    --state) COMPREPLY=($(compgen -W "${choicesOf("state").join(" ")}" -- "$word")); return ;;
    --sqlite) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  if ((COMP_CWORD > 1)); then case "\${COMP_WORDS[1]}" in
${cases.join("")}    *) words="" ;;
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _with_idempotency ${NAME}
`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const described = (text: string) => text.replace(/[[\]:]/g, "\\$&");

function zsh(verbs: Readonly<Record<string, Verb>>): string {
  const list = Object.entries(verbs).map(
    ([name, { summary }]) => `    ${quoted(`${name}:${described(summary)}`)}\n`,
  );
  const cases = Object.entries(verbs).map(
    ([name, verb]) => `    ${name}) _arguments ${zshArguments(verb)} ;;\n`,
  );
  return `#compdef ${NAME}
# zsh completion of ${NAME}
_with_idempotency() {
  local -a verbs
  verbs=(
${list.join("")}  )
  if ((CURRENT == 2)); then _describe command verbs; return; fi
  local verb="$words[2]"
  shift words
  ((CURRENT--))
  case "$verb" in
${cases.join("")}  esac
}
compdef _with_idempotency ${NAME}
`;
}

function zshArguments({ flags, takesAddress, choices, operand }: Verb): string {
  const addresses = Object.entries(takesAddress ? ADDRESSES : {}).map(([name, { value, summary }]) =>
    quoted(`--${name}[${described(summary)}]:${value}:${value === "FILE" ? "_files" : ""}`),
  );
  const options = [...flags, "help" as const].map(name => {
    const { value, summary }: Flag = FLAGS[name];
    const takes =
      value === undefined
        ? ""
        : `:${value}:${choicesOf(name).length > 0 ? `(${choicesOf(name).join(" ")})` : ""}`;
    return quoted(`--${name}[${described(summary)}]${takes}`);
  });
  const own =
    operand === undefined
      ? []
      : [quoted(`1:${operand}:${choices === undefined ? "" : `(${choices.join(" ")})`}`)];
  return [...addresses, ...options, ...own].join(" ");
}
