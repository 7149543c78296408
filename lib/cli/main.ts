#!/usr/bin/env node
/** The program `iketcp`: one thin file a command, joined here. */

import { Command, Help } from "commander";
import process from "node:process";
import { reportError } from "./_program.ts";
import { VERSION } from "./_version.ts";
import { benchCommand } from "./bench.ts";
import { decodeCommand } from "./decode.ts";
import { demoCommand } from "./demo.ts";
import { relayCommand } from "./relay.ts";

const program = new Command("iketcp")
  .description("IKEv2 and IPsec ESP over TCP (RFC 9329)")
  .version(VERSION)
  .helpCommand(false)
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

for (const command of [relayCommand(), decodeCommand(), demoCommand(), benchCommand(), helpCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

/** Commander's own says nothing of a command that does not exist. */
function helpCommand(): Command {
  return new Command("help")
    .description("display help for a command")
    .argument("[command]")
    .action((name?: string) => {
      const command = name === undefined ? program : program.commands.find((each) => each.name() === name);
      if (command === undefined) program.error(`error: unknown command '${name}'`);
      else command.help();
    });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
