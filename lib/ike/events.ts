/**
 * What an engine tells. Events are plain data without keys, except {@linkcode ChildSaInstalled} and the key log, which are
 * made of them.
 */

import type { EncryptionTransform, IntegrityTransform } from "../crypto/mod.ts";
import type { TrafficSelector } from "../ip/mod.ts";
import type { Selector } from "./traffic_selectors.ts";
import type { IkePath } from "./path.ts";

/** Number of an IKE SA in its engine: never used again, and kept through a move to another path. A rekey makes another. */
export type IkeSaId = number;
/** Number of a child SA in its engine. */
export type ChildSaId = number;

/** Keys of one direction of a child SA. */
export interface ChildDirection {
  /** What the sender of this direction writes into packets: the receiver's choice. */
  readonly spi: number;
  /** Cipher key with its salt. */
  readonly encryptionKey: Uint8Array;
  /** MAC key; empty beside an AEAD. */
  readonly integrityKey: Uint8Array;
}

/** Everything that a datapath must know of a child SA. */
export interface ChildSaData {
  /** Number of the child SA. */
  readonly child: ChildSaId;
  /** Its name in the configuration. */
  readonly name: string;
  /** Tunnel or transport mode. */
  readonly mode: "tunnel" | "transport";
  /** What comes in: our SPI. */
  readonly inbound: ChildDirection;
  /** What goes out: the peer's SPI. */
  readonly outbound: ChildDirection;
  /** Cipher of both directions. */
  readonly encryption: EncryptionTransform;
  /** MAC of both directions; null beside an AEAD. */
  readonly integrity: IntegrityTransform | null;
  /** Whether sequence numbers have 64 bits. */
  readonly esn: boolean;
  /** What this end sends from and receives for. */
  readonly local: readonly Selector[];
  /** What the peer sends from and receives for. */
  readonly remote: readonly Selector[];
  /** Whether TFC padding may be sent to the peer (RFC 7296, section 1.3.1). */
  readonly tfcPadding: boolean;
  /** When the SA ends by what it carried; 0 or absent for no limit. Time is the engine's business. */
  readonly limits: ChildSaLimits;
}

/** Limits of a child SA; 0 for none. Reaching a soft one is told to the engine (`child_usage`). */
export interface ChildSaLimits {
  /** Rekey after as many octets. */
  readonly softOctets: number;
  /** Carry no more octets than that. */
  readonly hardOctets: number;
  /** Rekey after as many packets. */
  readonly softPackets: number;
  /** Carry no more packets than that. */
  readonly hardPackets: number;
}

/** What is known of NATs on the way (RFC 7296, section 2.23). */
export interface NatFindings {
  /** This end is behind one. */
  readonly local: boolean;
  /** The peer is. */
  readonly remote: boolean;
}

/** What the peer gave us, or we gave it, by configuration payloads (RFC 7296, section 2.19). */
export interface AssignedConfiguration {
  /** Virtual addresses. */
  readonly addresses: readonly Uint8Array[];
  /** DNS servers. */
  readonly dns: readonly Uint8Array[];
  /** Subnets behind the gateway. */
  readonly subnets: readonly TrafficSelector[];
}

/** Why an IKE SA, or an attempt at one, ended without D. */
export type FailureReason =
  /** No answer in time. */
  | "timeout"
  /** The peer refused our proposals, or answered with something that was not proposed. */
  | "no_proposal_chosen"
  /** One end is not who it should be, or did not prove it. The text says what was wrong, and for whom. */
  | "authentication_failed"
  /** A message that does not follow the syntax, from either end. */
  | "invalid_syntax"
  /** A message that follows the syntax, and cannot be. */
  | "protocol"
  /** A payload that one end has to understand and does not. */
  | "unsupported_critical_payload"
  /** The peer cannot do IKEv2. */
  | "version"
  /** A limit of this end. */
  | "limit"
  /** The lifetime passed without a rekey. */
  | "expired"
  /** The caller gave up. */
  | "cancelled"
  /** Another error that the peer reported. */
  | "refused";

/** What events about an IKE SA have in common. */
export interface IkeSaEvent<Type extends string> {
  /** Tells the kinds of events apart. */
  readonly type: Type;
  /** The IKE SA that it is about. */
  readonly ikeSa: IkeSaId;
}

/** An IKE SA is established. */
export interface IkeSaEstablished extends IkeSaEvent<"ike_sa_established"> {
  /** Name of the connection. */
  readonly connection: string;
  /** Which end began. */
  readonly role: "initiator" | "responder";
  /** SPIs as 16 hexadecimal digits. */
  readonly spiI: string;
  /** The responder's SPI. */
  readonly spiR: string;
  /** Both identities in strongSwan's notation. */
  readonly localId: string;
  /** The peer's identity. */
  readonly remoteId: string;
  /** Who the peer is by EAP, as responder: that was proven, where `remoteId` is only what the peer said. */
  readonly remoteEapId?: string;
  /** `AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519`. */
  readonly suite: string;
  /** Where messages go, or came from. */
  readonly path: IkePath;
  /** What is known of NATs on the way. */
  readonly nat: NatFindings;
  /** What was assigned; empty lists where nothing was. */
  readonly configuration: AssignedConfiguration;
  /**
   * The IKE SA whose place it takes. After a rekey, `child_sas_moved` follows; where both ends were authenticated anew, child SAs
   * are installed in the place of those of the old one, which goes with them as `replaced`.
   */
  readonly replaces?: IkeSaId;
}

/** An IKE SA is gone, with all its children. */
export interface IkeSaDeleted extends IkeSaEvent<"ike_sa_deleted"> {
  /** Name of the connection. */
  readonly connection: string;
  /** `local` and `peer` by D, `replaced` after a rekey, otherwise a failure. */
  readonly by: "local" | "peer" | "replaced" | "failure";
  /** Why. */
  readonly reason?: FailureReason;
  /** What a person should know. */
  readonly text?: string;
}

/** An attempt failed: an IKE SA that was never established. */
export interface IkeSaFailed extends IkeSaEvent<"ike_sa_failed"> {
  /** Name of the connection. */
  readonly connection: string;
  /** Which end began. */
  readonly role: "initiator" | "responder";
  /** Where messages went, or came from. */
  readonly path: IkePath;
  /** Who the peer said it is, in strongSwan's notation, proven or not; absent where it said nothing that could be read. */
  readonly remoteId?: string;
  /** Why. */
  readonly reason: FailureReason;
  /** What a person should know, with the peer behind it: `… (a@example at 192.0.2.1:4500)`. */
  readonly text: string;
}

/** A child SA is ready: from now on packets may be received on it, and sent. Keys are the receiver's to wipe. */
export interface ChildSaInstalled extends IkeSaEvent<"child_sa_installed"> {
  /** Everything that a datapath must know of it. */
  readonly childSa: ChildSaData;
  /** The child SA that it replaces, after a rekey; also on another IKE SA, when both ends were authenticated anew. */
  readonly replaces?: ChildSaId;
  /**
   * Whether to send on it at once. Where it replaces one, and the peer began, it is false: its end may not be ready to receive before it has our
   * answer, and `child_sa_switched` follows (RFC 7296, section 2.8).
   */
  readonly send: boolean;
  /**
   * The peer has narrowed what was asked for, and would take other selectors too, in a child SA of their own: it said
   * ADDITIONAL_TS_POSSIBLE (RFC 7296, section 2.9). `initiate_child` with selectors asks for them.
   */
  readonly additionalTs?: boolean;
}

/** Packets are to be sent on this child SA from now on. */
export interface ChildSaSwitched extends IkeSaEvent<"child_sa_switched"> {
  /** Number of the child SA. */
  readonly child: ChildSaId;
}

/** A child SA is gone: nothing may be sent or received on it, late packets apart. */
export interface ChildSaDeleted extends IkeSaEvent<"child_sa_deleted"> {
  /** Number of the child SA. */
  readonly child: ChildSaId;
  /** Its name in the configuration. */
  readonly name: string;
  /** Whose doing it was. */
  readonly by: "local" | "peer" | "replaced" | "expired" | "ike_sa";
  /**
   * Milliseconds for which packets that were under way when it was replaced are still to be received: a peer may have made them before
   * its deletion, and send them behind it. `child_sa_forgotten` follows, or `ike_sa_deleted`.
   */
  readonly receivesFor?: number;
}

/** Nothing is to be received any more on a child SA that was replaced. */
export interface ChildSaForgotten extends IkeSaEvent<"child_sa_forgotten"> {
  /** Number of the child SA. */
  readonly child: ChildSaId;
}

/** A child SA could not be made; its IKE SA lives on. */
export interface ChildSaFailed extends IkeSaEvent<"child_sa_failed"> {
  /** Its name in the configuration. */
  readonly name: string;
  /** Name of the notify, or what this end found wrong. */
  readonly reason: string;
  /** What a person should know. */
  readonly text: string;
  /** Milliseconds after which it is tried again; absent where that is not done. */
  readonly retryIn?: number;
}

/** Child SAs belong to another IKE SA from now on: it replaces theirs. */
export interface ChildSasMoved {
  /** Tells the kinds of events apart. */
  readonly type: "child_sas_moved";
  /** The IKE SA that had them. */
  readonly from: IkeSaId;
  /** The IKE SA that has them now. */
  readonly to: IkeSaId;
  /** Numbers of the child SAs. */
  readonly children: readonly ChildSaId[];
}

/** The peer did not take a rekey of the IKE SA; it is tried again until the lifetime ends. */
export interface IkeRekeyFailed extends IkeSaEvent<"ike_rekey_failed"> {
  /** Name of the notify. */
  readonly reason: string;
}

/** Both ends could not be authenticated anew: the IKE SA goes on, and it is tried again until its lifetime ends. */
export interface IkeReauthenticationFailed extends IkeSaEvent<"ike_reauthentication_failed"> {
  /** Why. */
  readonly reason: FailureReason;
  /** What a person should know. */
  readonly text: string;
}

/** An IKE SA and its child SAs send to another path from now on (RFC 9329, section 6.1). */
export interface PathChanged extends IkeSaEvent<"path_changed"> {
  /** Where messages go, or came from. */
  readonly path: IkePath;
}

/** The peer answered a check of its liveness. */
export interface PeerAlive extends IkeSaEvent<"peer_alive"> {
}

/** A message was sent or received: one line for people. Never a key. */
export interface MessageLogged {
  /** Tells the kinds of events apart. */
  readonly type: "message";
  /** Absent where no SA knows the message. */
  readonly ikeSa?: IkeSaId;
  /** Which way it went. */
  readonly direction: "sent" | "received";
  /** Where messages go, or came from. */
  readonly path: IkePath;
  /** `IKE_AUTH { IDi, AUTH, SA, TSi, TSr } -->` for what was sent, the arrow in front for what was received. */
  readonly line: string;
  /** Octets of the message, or of all its fragments. */
  readonly length: number;
  /** It was sent before, or has been answered before. */
  readonly repeated: boolean;
}

/** Why a message was dropped without an answer. */
export type DropReason =
  /** Not an IKE message of version 2. */
  | "malformed"
  /** No SA has its SPIs. */
  | "unknown_spi"
  /** Its integrity check value is wrong. */
  | "not_authentic"
  /** Its Message ID is outside the window, or nothing like it was asked. */
  | "message_id"
  /** The state of the SA does not allow it: INFORMATIONAL before IKE_AUTH, say. */
  | "wrong_state"
  /** Too many half-open SAs, or another limit. */
  | "limit"
  /** It has no SK payload and should. */
  | "unprotected"
  /** Nothing of it is acceptable by the configuration. */
  | "refused"
  /** A fragment that fits nothing. */
  | "fragment";

/** A message was dropped. */
export interface MessageDropped {
  /** Tells the kinds of events apart. */
  readonly type: "message_dropped";
  /** The IKE SA that it is about. */
  readonly ikeSa?: IkeSaId;
  /** Where messages go, or came from. */
  readonly path: IkePath;
  /** Why. */
  readonly reason: DropReason;
  /** What a person should know. */
  readonly text: string;
}

/** Keys of an IKE SA, when an engine was made with `keyLog`: what Wireshark's `ikev2_decryption_table` needs. */
export interface IkeKeysLogged {
  /** Tells the kinds of events apart. */
  readonly type: "ike_keys";
  /** The initiator's SPI. */
  readonly spiI: Uint8Array;
  /** The responder's SPI. */
  readonly spiR: Uint8Array;
  /** Its cipher. */
  readonly encryption: EncryptionTransform;
  /** Its MAC; null beside an AEAD. */
  readonly integrity: IntegrityTransform | null;
  /** With salts. */
  readonly skEi: Uint8Array;
  /** What the responder encrypts with. */
  readonly skEr: Uint8Array;
  /** What the initiator authenticates with. */
  readonly skAi: Uint8Array;
  /** What the responder authenticates with. */
  readonly skAr: Uint8Array;
}

/** Keys of a child SA, when an engine was made with `keyLog`: what Wireshark's `esp_sa` needs. */
export interface ChildKeysLogged {
  /** Tells the kinds of events apart. */
  readonly type: "child_keys";
  /** Its cipher. */
  readonly encryption: EncryptionTransform;
  /** Its MAC; null beside an AEAD. */
  readonly integrity: IntegrityTransform | null;
  /** Whether sequence numbers have 64 bits. */
  readonly esn: boolean;
  /** Addresses as this end sees them, which NATs may change. */
  readonly path: IkePath;
  /** What comes in. */
  readonly inbound: ChildDirection;
  /** What goes out. */
  readonly outbound: ChildDirection;
}

/** What a key log takes. */
export type KeyLogEntry = IkeKeysLogged | ChildKeysLogged;

/** Everything that an engine tells. */
export type IkeEvent =
  | IkeSaEstablished
  | IkeSaDeleted
  | IkeSaFailed
  | ChildSaInstalled
  | ChildSaSwitched
  | ChildSaDeleted
  | ChildSaForgotten
  | ChildSaFailed
  | ChildSasMoved
  | IkeRekeyFailed
  | IkeReauthenticationFailed
  | PathChanged
  | PeerAlive
  | MessageLogged
  | MessageDropped;
