/**
 * What a capture is once it is read, and what a judgement of it says (SPEC §15). Everything below `src/proof` speaks in these terms: the reader makes a `Capture`, the
 * dissection makes `Dissected`, the judge makes a `Verdict`, and the report shows a `Verdict` and nothing else.
 */

/** A capture that was read: its TCP connections, put together again. */
export interface Capture {
  readonly format: 'pcap' | 'pcapng'
  /** How many packets there are. */
  readonly packets: number
  /** When the first and the last of them passed, as the capture says; a capture can have no times. */
  readonly began?: Date
  readonly ended?: Date
  /** In the order of their first packet. */
  readonly connections: readonly Connection[]
  /** What is in none of them, a kind each. */
  readonly strays: readonly Stray[]
}

/** Why bytes of a packet are in no flow. */
export type StrayKind =
  | 'fragment' // of an IP packet with TCP in it
  | 'misplaced' // a segment whose number is none of its connection
  | 'reset' // payload of a RST, which is no part of a flow (RFC 9293 §3.5.3)
  | 'unreadable' // cut, or with a header that no packet can have
  | 'sign of life' // the byte that a keep-alive repeats
  | 'UDP'
  | 'ICMP'
  | 'other IP'
  | 'not IP'
  | 'trailer' // behind the end of an IP packet, and not only zeros

/** Bytes of packets that are in no flow, all of one kind. */
export interface Stray {
  readonly kind: StrayKind
  /** How many packets brought them, and the numbers of the first 16. */
  readonly packets: number
  readonly numbers: readonly number[]
  /** Those that the capture has, one packet's behind the other's, first all of one sender to one receiver, then of the next; `lost` were cut off and have no place in it. */
  readonly flow: Flow
  /** Where those of each packet begin. */
  readonly starts: readonly number[]
}

export interface Connection {
  /** From 1. */
  readonly number: number
  /** `address:port` of who dialled, and of who was dialled; IPv6 in brackets. */
  readonly dialler: string
  readonly listener: string
  /** The packets of SYN, SYN-ACK and the ACK that ends the handshake, as many as were seen, in this order. */
  readonly handshake: readonly number[]
  /** What the dialler sent, and what the listener sent. */
  readonly up: Flow
  readonly down: Flow
}

/** All that one side of a connection sent, in order, each byte once. */
export interface Flow {
  readonly bytes: Uint8Array
  /** Bytes that the capture lacks: `bytes` has zeros in their place. */
  readonly lost: number
  /** Where they are missing, in order; none if the field is not there. */
  readonly gaps?: readonly { readonly at: number; readonly length: number }[]
  /** Bytes that came twice and not as the same; the first that came are in `bytes`. */
  readonly differing?: number
  /** The last packet of the connection, if the capture has neither the FIN of this flow nor a reset: there may be more of it. */
  readonly openAfter?: number
  /** The number of the packet that brought the byte at `offset`: what Wireshark shows as No., from 1. */
  packetAt(offset: number): number
  /** When the byte at `offset` passed, in ms since the first packet of the capture. */
  timeAt(offset: number): number
}

export type Protocol = 'sft session' | 'sft pipe' | 'classic' | 'tls' | 'http' | 'unknown'
/** What the dialler sends, and what the listener sends. */
export const DIRECTIONS = ['up', 'down'] as const
export type Direction = (typeof DIRECTIONS)[number]
export const SENDERS = { up: 'dialler', down: 'listener' } as const

/** A connection and what its bytes are. */
export interface Dissected {
  readonly connection: Connection
  readonly protocol: Protocol
  /** Both directions, each in order and without a gap: together they cover every byte of each flow. */
  readonly frames: readonly Frame[]
  /** Whether the frames end with the flow, each in a state that allows it; otherwise what is wrong, and where. */
  readonly faults: readonly { readonly direction: Direction; readonly at: number; readonly reason: string }[]
  /** Certificates that anybody who listens can read. */
  readonly certificates: readonly VisibleCertificate[]
}

/** One message on the wire: a frame of sft, a TLS record, a classic message, an HTTP head or body, or bytes that are none of these (`unexplained`). */
export interface Frame {
  readonly direction: Direction
  /** Offset in the flow and length there, in bytes, with its length prefix or header. */
  readonly at: number
  readonly length: number
  /** `HELO`, `RSFL`, `application data`, `POST /verify`, `unexplained` … */
  readonly label: string
  /** The part of it that is said to be ciphertext, as an offset in the flow and a length; all else of it anybody can read. Keys and random numbers in the clear (a key share, a nonce, an index) are not part of it. */
  readonly sealed: { readonly at: number; readonly length: number } | undefined
  /** Whether it carries bytes of a file (a chunk, a classic block). */
  readonly content: boolean
  /** What else there is to say: `chunk 7`, `state: keys`, `suite aes-256-gcm`. Never something that was sealed. */
  readonly detail: string
}

export interface VisibleCertificate {
  readonly direction: Direction
  readonly packet: number
  readonly subject: string
  readonly issuer: string
  readonly serial: string
}

/** What the judge is told of what went over the wire. */
export interface Known {
  /** Files whose bytes must not be seen: at most 64 MiB together. */
  readonly plain?: readonly { readonly name: string; readonly bytes: Uint8Array }[]
  /** Names and passwords that must not be seen; the report says what kind of thing was found, and never a password. */
  readonly texts?: readonly { readonly kind: 'user name' | 'file name' | 'password' | 'text'; readonly text: string }[]
}

/** The claims, in the order of the report. */
export const CLAIMS = [
  'connections', // every connection begins with a TCP handshake and is whole
  'certificates', // no certificate of a user is visible
  'names', // no user name, file name, password
  'plaintext', // no 16 bytes of a file: raw, base64, hex, compressed
  'randomness', // entropy, chi-square and histogram of what is sealed are those of random bytes
  'sizes', // every byte of every flow is in a frame of a known length
  'fresh-keys', // no two sealed parts share 16 bytes: no key is fixed, no stream is repeated
  'nonces', // no keystream twice: C1⊕C2 = P1⊕P2
  'login', // a login that was captured can not be read or replayed
  'forward-secrecy', // what long-term keys open (only `proof run` has them)
  'replay' // what a receiver says to a byte that was flipped, and to a recording (only `proof run` has one)
] as const
export type ClaimId = (typeof CLAIMS)[number]

export interface Claim {
  readonly id: ClaimId
  /** The sentence that is claimed, as a reader of the report sees it. */
  readonly sentence: string
  /** `unknown`: the judge was not given what it takes (a file, keys), and says so. */
  readonly verdict: 'holds' | 'fails' | 'unknown'
  /** What was looked at and what was found, a sentence each; numbers and thresholds are in them. */
  readonly evidence: readonly Evidence[]
}

export interface Evidence {
  readonly text: string
  /** Packets to look at in Wireshark (No.), at most 16. */
  readonly packets: readonly number[]
  /** How many there are beyond those. */
  readonly more?: number
}

/** Frames of a long sequence that a picture has. */
export const SHOWN_FRAMES = { first: 300, last: 100 } as const

/** What the report draws of one flow. */
export interface FlowPicture {
  readonly direction: Direction
  readonly bytes: number
  readonly sealedBytes: number
  /** How often each value 0 … 255 stands in what is sealed; where nothing is, in all of it. */
  readonly histogram: readonly number[]
  /** Bits a byte of all that the histogram counts, and what as many random bytes would have. */
  readonly entropy: number
  readonly expectedEntropy: number
  readonly chiSquare: number
  /** Bits a byte of up to 128 pieces of equal length of the flow, in order. */
  readonly entropyAlong: readonly number[]
}

export interface ConnectionPicture {
  readonly number: number
  readonly dialler: string
  readonly listener: string
  readonly protocol: Protocol
  readonly handshake: readonly number[]
  readonly flows: readonly FlowPicture[]
  /** All, or the first and the last of `SHOWN_FRAMES`; `omitted` says how many stood between. */
  readonly sequence: readonly (Omit<Frame, 'at'> & { readonly packet: number; readonly ms: number })[]
  readonly omitted: number
}

/** A judgement: what `--json` prints and the report shows. */
export interface Verdict {
  /** Whether no claim fails, every control was caught, and every command of a run ended as it must; of a run, that every claim holds. */
  readonly holds: boolean
  /** Claims that could not be judged, of which it says nothing either way. */
  readonly unjudged: number
  readonly capture: {
    readonly name: string
    readonly sha256: string
    readonly packets: number
    readonly bytes: number
    /** Of its first and its last packet, as the machine that captured it had the time (ISO 8601). */
    readonly began?: string
    readonly ended?: string
  }
  readonly made: { readonly at: string; readonly by: string }
  readonly claims: readonly Claim[]
  readonly connections: readonly ConnectionPicture[]
  /** Captures of bad systems, which the same judge must refuse. */
  readonly controls: readonly Control[]
  /** What `proof run` did: each command and how it ended. Empty for a capture from elsewhere. */
  readonly steps: readonly { readonly command: string; readonly exit: number; readonly expected: number }[]
}

export interface Control {
  /** What it does wrong: `a transfer in the clear`, … */
  readonly name: string
  /** The claim that must fail, and whether it did. */
  readonly claim: ClaimId
  readonly caught: boolean
  readonly evidence: readonly Evidence[]
}
