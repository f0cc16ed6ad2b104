import { fitted, widthOf } from "./terminal.ts";

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string;
  /** It may be cut to that many places, and takes what the others leave. */
  readonly least?: number;
  /** It is left out where there is no room: the lowest number first. None: it stays. */
  readonly drop?: number;
}

const GAP = "  ";

/** A column, and how many places it has. */
interface Placed<Row> {
  readonly column: Column<Row>;
  width: number;
}

/** Lays out a table that fits: the widths are those of the first rows, and later ones are cut to them. */
export function layout<Row>(columns: readonly Column<Row>[], rows: readonly Row[], room: number) {
  const wanted = columns.map(column => ({ column, width: widest(column, rows) }));
  const placed = shrunk(dropped(wanted, room), room);
  const line = (text: (column: Column<Row>) => string) =>
    placed
      .map(({ column, width }) => fitted(text(column), width))
      .join(GAP)
      .trimEnd();
  return { header: line(({ title }) => title), row: (row: Row) => line(({ of }) => of(row)) };
}

const widest = <Row>({ title, of }: Column<Row>, rows: readonly Row[]) =>
  Math.max(widthOf(title), ...rows.map(row => widthOf(of(row))));

const leastOf = <Row>({ column, width }: Placed<Row>) => Math.min(width, column.least ?? width);

const sum = (numbers: readonly number[]) =>
  numbers.reduce((all, one) => all + one, 0) + GAP.length * Math.max(0, numbers.length - 1);

/** Without the columns for which there is no room even with the others at their least. */
function dropped<Row>(placed: readonly Placed<Row>[], room: number): Placed<Row>[] {
  if (sum(placed.map(leastOf)) <= room) return [...placed];
  const droppable = placed.filter(({ column }) => column.drop !== undefined);
  const [first] = droppable.sort((a, b) => a.column.drop! - b.column.drop!);
  return first === undefined
    ? [...placed]
    : dropped(
        placed.filter(each => each !== first),
        room,
      );
}

/** Takes from the widest of those that may be cut, until all fit. */
function shrunk<Row>(placed: Placed<Row>[], room: number): Placed<Row>[] {
  for (let over = sum(placed.map(({ width }) => width)) - room; over > 0; over -= 1) {
    const [largest] = placed
      .filter(each => each.width > leastOf(each))
      .sort((a, b) => b.width - leastOf(b) - (a.width - leastOf(a)));
    if (largest === undefined) return placed;
    largest.width -= 1;
  }
  return placed;
}
