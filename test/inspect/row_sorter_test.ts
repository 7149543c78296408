import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { RowSorter } from "../../lib/inspect/row_sorter.ts";

const at = (number: number) => ({ number, time: 0 });

describe("RowSorter", () => {
  it("gives rows in the order of their packets, and rows of one packet as they came", () => {
    const sorter = new RowSorter<string>();
    for (const [row, number] of [["c", 3], ["a", 1], ["d", 3], ["b", 2]] as const) {
      sorter.push(row, at(number));
    }
    const given: string[] = [];
    sorter.release(undefined, (row) => given.push(row));
    assert.deepEqual(given, ["a", "b", "c", "d"]);
    assert.equal(sorter.size, 0);
  });

  it("holds what something may still come before", () => {
    const sorter = new RowSorter<string>();
    for (const number of [1, 2, 3]) sorter.push(`row ${number}`, at(number));
    const given: string[] = [];
    sorter.release(at(2), (row) => given.push(row));
    assert.deepEqual(given, ["row 1"]);
    assert.equal(sorter.size, 2);
    sorter.release(at(9), (row) => given.push(row));
    assert.deepEqual(given, ["row 1", "row 2", "row 3"]);
  });
});
