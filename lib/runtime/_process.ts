/** What the `process` object may give, in every runtime and in none. */

interface ProcessLike {
  readonly env?: Record<string, string | undefined>;
  readonly platform?: string;
  readonly getBuiltinModule?: (name: string) => unknown;
}

function process(): ProcessLike | undefined {
  return (globalThis as { process?: ProcessLike }).process;
}

/** A module that the runtime brings; undefined where it does not, or where this is a browser. */
export function builtinModule(name: string): unknown {
  try {
    return process()?.getBuiltinModule?.(name);
  } catch {
    // A runtime may throw for a module that it does not know.
    return undefined;
  }
}

/** An environment variable; undefined where it is not set, where there is no environment, or no permission to read it. */
export function environment(name: string): string | undefined {
  try {
    return process()?.env?.[name];
  } catch {
    return undefined;
  }
}

/** The operating system as Node calls it: `linux`, `darwin`, `win32`; empty where nobody says. */
export function platform(): string {
  return process()?.platform ?? "";
}
