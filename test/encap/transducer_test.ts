import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Chain, type Transducer } from "../../lib/encap/mod.ts";

/** A core that tells what happens to it, and emits what it is given twice. */
function twice(name: string, log: string[]): Transducer<string, string> {
  return {
    handleStart(emit) {
      log.push(`start ${name}`);
      emit(name);
    },
    handle(chunk, emit) {
      log.push(`handle ${name} ${chunk}`);
      emit(chunk);
      emit(chunk);
    },
    handleEnd(emit) {
      log.push(`end ${name}`);
      emit(`/${name}`);
    },
  };
}

describe("Chain", () => {
  it("runs every chunk through all cores, in order", () => {
    const log: string[] = [];
    const out: string[] = [];
    new Chain<string, string>([twice("a", log), twice("b", log)]).handle("x", (chunk) => out.push(chunk));
    assert.deepEqual(log, ["handle a x", "handle b x", "handle b x"]);
    assert.deepEqual(out, ["x", "x", "x", "x"]);
  });

  it("lets the last core speak first, and what an earlier one says pass through it", () => {
    const log: string[] = [];
    const out: string[] = [];
    new Chain<string, string>([twice("a", log), twice("b", log)]).handleStart((chunk) => out.push(chunk));
    assert.deepEqual(log, ["start b", "start a", "handle b a"]);
    assert.deepEqual(out, ["b", "a", "a"]);
  });

  it("ends the cores in order, with what each still gives", () => {
    const log: string[] = [];
    const out: string[] = [];
    new Chain<string, string>([twice("a", log), twice("b", log)]).handleEnd((chunk) => out.push(chunk));
    assert.deepEqual(log, ["end a", "handle b /a", "end b"]);
    assert.deepEqual(out, ["/a", "/a", "/b"]);
  });

  it("passes everything on as it is without any core", () => {
    const chunk = {};
    const out: object[] = [];
    const chain = new Chain<object, object>([]);
    chain.handleStart((given) => out.push(given));
    chain.handle(chunk, (given) => out.push(given));
    chain.handleEnd((given) => out.push(given));
    assert.equal(out.length, 1);
    assert.equal(out[0], chunk);
  });

  it("throws what a core throws, behind what came before it", () => {
    const out: string[] = [];
    const chain = new Chain<string, string>([
      twice("a", []),
      { handle: (chunk, emit) => out.length < 1 ? emit(chunk) : assert.fail("refused"), handleEnd() {} },
    ]);
    assert.throws(() => chain.handle("x", (chunk) => out.push(chunk)), { message: "refused" });
    assert.deepEqual(out, ["x"]);
  });

  it("shows its cores", () => {
    const cores = [twice("a", []), twice("b", [])];
    assert.deepEqual(new Chain<string, string>(cores).cores, cores);
  });
});
