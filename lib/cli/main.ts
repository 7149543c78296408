#!/usr/bin/env node
/** The program `iketcp`: one thin file a command, joined here. */

import { Command, Help } from "commander";
import process from "node:process";
import { reportError } from "./_program.ts";
import { benchCommand } from "./bench.ts";
import { decodeCommand } from "./decode.ts";
import { demoCommand } from "./demo.ts";
import { relayCommand } from "./relay.ts";

const program = new Command("iketcp")
  .description("IKEv2 and IPsec ESP over TCP (RFC 9329)")
  .version("0.1.0")
  .exitOverride()
  .showSuggestionAfterError()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "iketcp: ")) })
  .configureHelp({
    showGlobalOptions: true,
    // That a switch is off and a list empty unless given goes without saying.
    optionDescription: (option) =>
      option.defaultValue === false || Array.isArray(option.defaultValue)
        ? option.description
        : new Help().optionDescription(option),
  });

for (const command of [relayCommand(), decodeCommand(), demoCommand(), benchCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
