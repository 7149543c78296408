/**
 * Makes `deno test` as strict with `node:test` as it is with `Deno.test`; the test runner preloads it.
 *
 * Deno's `node:test` registers its tests with every sanitizer off, and marks errors that nobody caught as handled, even
 * one that a test file throws while it loads. Here each top-level test or suite runs with the sanitizers on, and fails
 * with the first error that was caught by nobody before or during it.
 *
 * @module
 */

interface TestDefinition {
  readonly fn: (context: unknown) => unknown;
}

interface DenoTesting {
  test: (definition: TestDefinition) => void;
  exit(status: number): never;
}

const deno = (globalThis as unknown as { Deno: DenoTesting }).Deno;
const register = deno.test;
const uncaught: unknown[] = [];

globalThis.addEventListener("unhandledrejection", (event) => void uncaught.push(event.reason));
globalThis.addEventListener("error", (event) => void uncaught.push(event.error));
globalThis.addEventListener("unload", () => {
  if (uncaught.length === 0) return;
  console.error("Errors that no test caught:", ...uncaught);
  deno.exit(1);
});

function throwUncaught(): void {
  if (uncaught.length > 0) throw uncaught.splice(0)[0];
}

function registerStrictly(definition: TestDefinition): void {
  register({
    ...definition,
    sanitizeOps: true,
    sanitizeResources: true,
    sanitizeExit: true,
    async fn(context: unknown): Promise<void> {
      throwUncaught();
      await definition.fn(context);
      throwUncaught();
    },
  } as TestDefinition);
}

deno.test = Object.assign(registerStrictly, register);
