/**
 * What a file of this folder says of its cipher: the algorithms that a provider may have, with their sizes and known answers, and the
 * transforms that IKEv2 negotiates them by. Sizes are octets.
 *
 * Answers were computed with OpenSSL 3 from inputs that count upwards: keys from 0, nonces and IVs from 0x40, authenticated data and
 * suffixes from 0x80, bodies from 0xc0.
 */

/** Sizes and habits of an AEAD. */
export interface AeadTraits {
  /** Octets of key. */
  readonly keySize: number;
  /** Octets of nonce: salt and IV. */
  readonly nonceSize: number;
  /** Octets that an ICV may have. */
  readonly icvSizes: readonly number[];
  /** Whether body size and ICV must be known before the first octet is authenticated (RFC 3610). */
  readonly sizeFirst: boolean;
  /** Ciphertext and ICV of 20 octets with 12 of authenticated data, by the size of the ICV; a shorter one may be cut from that of 16. */
  readonly answers: Readonly<Record<number, string>>;
}

/** Of a cipher that needs a MAC beside it, and what it makes of two blocks. All have blocks, and so IVs or counters, of 16 octets. */
export interface CipherTraits {
  /** Octets of key. */
  readonly keySize: number;
  /** Ciphertext of 32 octets. */
  readonly answer: string;
}

/** What every row of type 1 has. */
export interface EncryptionRow {
  /** Transform ID of type 1. */
  readonly id: number;
  /** As IANA writes it. */
  readonly name: string;
  /** As strongSwan writes it in a proposal. */
  readonly keyword: string;
  /** Octets of key. */
  readonly keySize: number;
  /** Octets of salt behind the key in the key material, which begin every nonce. */
  readonly saltSize: number;
  /** Octets of IV in each message. */
  readonly ivSize: number;
  /** The body's size is a multiple of it. ESP aligns to 4 besides (RFC 4303, section 2.4). */
  readonly blockSize: number;
  /** Octets of ICV; 0 where an integrity transform brings it. */
  readonly icvSize: number;
  /** Whether IKEv2 sends a Key Length attribute with it (RFC 7296, section 3.3.5). */
  readonly keyLengthAttribute: boolean;
  /** Whether the nonce is made from the sequence number and no IV is sent (RFC 8750). */
  readonly implicitIv: boolean;
}

/** A row whose algorithm authenticates what it encrypts, or only authenticates. */
export type AeadRow<Algorithm extends string> = EncryptionRow & {
  readonly mode: "aead" | "gmac";
  readonly algorithm: Algorithm;
};

/** A row whose algorithm needs an integrity transform beside it. */
export type CipherRow<Algorithm extends string> = EncryptionRow & {
  readonly mode: "cbc" | "ctr";
  readonly algorithm: Algorithm;
};

/** A cipher of the first kind. */
export interface AeadFamily<Algorithm extends string> {
  /** What providers are asked for. */
  readonly algorithms: Readonly<Record<Algorithm, AeadTraits>>;
  /** Its rows, those to be preferred first. */
  readonly transforms: readonly AeadRow<Algorithm>[];
}

/** A cipher of the second kind. */
export interface CipherFamily<Algorithm extends string> {
  /** What providers are asked for. */
  readonly algorithms: Readonly<Record<Algorithm, CipherTraits>>;
  /** Its rows, those to be preferred first. */
  readonly transforms: readonly CipherRow<Algorithm>[];
}

/** The keys of AES. */
export const AES_BITS = [128, 192, 256] as const;

/** Rows with the IV left out: RFC 8750. strongSwan has no keywords for these; ours end in `iiv`. */
export function implicitIv<Row extends EncryptionRow>(id: number, rows: readonly Row[]): Row[] {
  return rows.map((row) => ({
    ...row,
    id,
    name: `${row.name}_IIV`,
    keyword: `${row.keyword}iiv`,
    ivSize: 0,
    implicitIv: true,
  }));
}
