import { storableText } from "../shared/record.ts";

/** A value as DynamoDB has it. */
export interface Attribute {
  readonly S?: string;
  readonly N?: string;
  readonly B?: Uint8Array;
  readonly BOOL?: boolean;
}

export type Item = Readonly<Record<string, Attribute>>;

/** S9: a text as DynamoDB keeps it, to the letter. */
export const text = (value: string): Attribute => ({ S: storableText(value) });
export const number = (value: number): Attribute => ({ N: `${value}` });
