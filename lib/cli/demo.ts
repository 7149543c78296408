/** `iketcp demo`: what the toolkit does, on loopback, without root, in a few seconds. */

import { Command, Option } from "commander";
import { runRelayDemo } from "./_demo_relay.ts";
import { runTunnelDemo } from "./_demo_tunnel.ts";
import { parseDuration } from "./_units.ts";

/** What both demos take. */
export interface DemoOptions {
  /** Milliseconds of bulk. */
  readonly seconds: number;
  /** Where the capture goes. */
  readonly capture: string;
  /** One JSON object at the end, and nothing else. */
  readonly json: boolean;
}

/** The command. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "set up an IPsec tunnel between two ends in this process through a real TCP connection, and use it",
    )
    .option(
      "--relay",
      "instead carry a recorded strongSwan conversation through two relays, UDP to TCP to UDP",
      false,
    )
    .addOption(
      new Option("--seconds <n>", "how long to push bulk").argParser(parseDuration).default(4000, "4"),
    )
    .option("--capture <file>", "where to write the capture of the TCP connection", "iketcp-demo.pcapng")
    .option("--json", "one JSON object at the end, and nothing else", false)
    .action((options: DemoOptions & { readonly relay: boolean }) =>
      options.relay ? runRelayDemo(options) : runTunnelDemo(options)
    );
}
