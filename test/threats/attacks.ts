/**
 * Attacks on the classic system by their numbers (A5 to A18 and A24 to A29), and the tests that hold what became of each: what the classic system let through
 * (`classic.test.ts` shows it on the test double), that native peers refuse it, and what the fence around the classic mode can do. Files are below `test`,
 * without `.test.ts`; a title is in its file word for word.
 */

type Cited = readonly [file: string, title: string]

export interface Attack {
  readonly what: string
  /** Title in `classic.test.ts`; or why the double can not show it. */
  readonly shown: string | { readonly not: string }
  readonly native: readonly Cited[]
  /** What the classic mode of ours does; or why it can not. */
  readonly fence: readonly Cited[] | { readonly not: string }
}

const SERVE = 'transfer/classic/serve'
const GET = 'transfer/classic/get'
const HANDSHAKE = 'auth/session/handshake'

export const ATTACKS: Readonly<Record<string, Attack>> = {
  A5: {
    what: 'a bad certificate of a server is not fatal',
    shown: 'A5, A12: a self-signed server that sends blocks of type XXXX is believed',
    native: [[HANDSHAKE, 'certificates that the path check refuses, on either side']],
    fence: [
      [GET, 'A5: a bad certificate is fatal, and nothing is asked for'],
      [SERVE, 'M143, A5: RSCI for what is no certificate of a classic peer, and the end']
    ]
  },
  A6: {
    what: 'blocks are not authenticated',
    shown: 'A6, A7: blocks of anybody, in any order, are the file',
    native: [
      [
        'auth/session/session',
        'frames put in by a man in the middle: not allowed here, or not opened; the peer is told'
      ]
    ],
    fence: [[GET, 'A6: whoever has the certificate can make blocks; only what is expected from elsewhere tells']]
  },
  A7: {
    what: 'blocks can be swapped, dropped, repeated, spliced',
    shown: 'A6, A7: blocks of anybody, in any order, are the file',
    native: [
      ['streams/tamper', 'every frame dropped, repeated or swapped with another'],
      ['streams/open', 'chunks of another stream do not open, whatever their index']
    ],
    fence: [[GET, 'A7: blocks that are swapped, dropped, repeated or spliced']]
  },
  A8: {
    what: 'a cut is a success',
    shown: 'A8: a connection that is cut is a received file',
    native: [
      ['streams/tamper', 'every prefix around the edges of frames, and a sample of the others'],
      ['integration/wire', 'a cut on its way, in each direction']
    ],
    fence: [[GET, 'A8: a cut inside a message is an error, one between two is not known to be one']]
  },
  A9: {
    what: 'a header in two pieces is the end',
    shown: 'A9: a header in two pieces is the end of the file',
    native: [['integration/wire', 'one byte a write']],
    fence: [
      ['auth/classic/wire', 'A9, A10: messages in pieces of'],
      [GET, 'A9: one byte at a time']
    ]
  },
  A10: {
    what: 'a partial write loses the place',
    shown: { not: 'a blocking socket of Linux takes all of a send; only a signal would interrupt it' },
    native: [['streams/socket', 'pieces that the kernel takes in parts, and pieces of one byte']],
    fence: [[SERVE, 'A10: a reader that is slow gets the same bytes']]
  },
  A11: {
    what: 'a length up to 4 GiB is believed',
    shown: 'A11, A27: a length of 4 GiB, and connections that say nothing, are waited for',
    native: [
      [HANDSHAKE, 'a frame above 16 KiB is refused by its length alone, before a byte of it came'],
      ['streams/unframe', 'the cap is compared before memory for the frame is taken']
    ],
    fence: [
      ['auth/classic/wire', 'M141, A11: a length is compared before memory is taken'],
      [SERVE, 'M141, A12, A13: whatever has no place ends the connection, before any file is opened']
    ]
  },
  A12: {
    what: 'types are not checked',
    shown: 'A5, A12: a self-signed server that sends blocks of type XXXX is believed',
    native: [['auth/session/states', 'every role × state × type is allowed or refused as SPEC §9 says (M6)']],
    fence: [
      ['auth/classic/wire', 'A12: a type that does not exist, and one that has no place'],
      [GET, 'A11, A12, M149: lengths and types and blocks that can not be']
    ]
  },
  A13: {
    what: 'a file is opened before a certificate was shown',
    shown: 'A13: a file is opened for whoever asks, before any certificate',
    native: [['transfer/listen', 'M18: a request before the handshake opens nothing']],
    fence: [[SERVE, 'M141, A12, A13: whatever has no place ends the connection, before any file is opened']]
  },
  A14: {
    what: 'any path of the server can be asked for',
    shown: 'A14, A15: any file of the machine, for whoever has a certificate',
    native: [
      ['transfer/export-root', 'over a session every refusal is the same bytes'],
      ['transfer/export-root', 'links and folders that change while they are resolved never lead out']
    ],
    fence: [[SERVE, 'M147, A14: only regular files below the directory, and one answer for everything else']]
  },
  A15: {
    what: 'whoever has a certificate reads everything',
    shown: 'A14, A15: any file of the machine, for whoever has a certificate',
    native: [
      [
        'transfer/engine',
        'A15, M59: a policy decides who gets and sends what; a refusal is not found to the peer, and told to the owner'
      ]
    ],
    fence: [[SERVE, 'A15: whoever is not meant gets nothing']]
  },
  A16: {
    what: 'nobody compares the name with the one that was meant',
    shown: 'A16: any valid certificate answers for any other',
    native: [[HANDSHAKE, 'a peer with a valid name that is not the one dialled is refused (A16)']],
    fence: [[GET, 'A16: another name than the one that was asked for']]
  },
  A17: {
    what: 'a block of a file is taken for a name',
    shown: 'A17, A18: a recorded block is a name, and a recorded name is good for ever',
    native: [['workers/key-wrap', 'only 32 bytes are a key, and only under our label']],
    fence: [[SERVE, 'A17: a block that was meant for us is no name, and is told like any other']]
  },
  A18: {
    what: 'a recorded request is good for ever',
    shown: 'A17, A18: a recorded block is a name, and a recorded name is good for ever',
    native: [
      [HANDSHAKE, 'recorded flights are worth nothing to a fresh peer (A4)'],
      ['auth/session/records', 'A18: a record of another session does not open']
    ],
    fence: [[SERVE, 'M148, A18: a request that was recorded is not answered again']]
  },
  A24: {
    what: 'private keys under a constant passphrase, readable by all',
    shown: 'A24: keys that others can read',
    native: [
      ['auth/identity/private-file', 'A24, A37: writes a new file of mode 0600 whatever the umask'],
      ['auth/certificates/keys', 'an encrypted key opens with its passphrase only'],
      ['threats/classic', 'A24: no passphrase and no password stands in the sources, but for those of the demo users']
    ],
    fence: [['auth/classic/identity', "M152, A24: a key of one's own, made once, private and under a passphrase"]]
  },
  A25: {
    what: 'the key of the CA is published, and good for everything',
    shown: 'A25: the published key opens every login, and certifies anybody',
    native: [
      ['house', 'A25: no file holds a private key in PEM'],
      ['auth/certificates/path', 'A19, M10: the root and the issuing CA are no peers']
    ],
    fence: [['auth/classic/authority', 'makes a root, once, its key private and encrypted']]
  },
  A26: {
    what: 'whatever the auth server answers is kept as a certificate',
    shown: 'A26: any answer is kept as the own certificate',
    native: [['auth/client/login', 'A26: an answer that is not the own certificate is refused']],
    fence: [['auth/classic/login', 'M146, A26: an answer that is not the own certificate is refused']]
  },
  A27: {
    what: 'a thread for every connection, for ever',
    shown: 'A11, A27: a length of 4 GiB, and connections that say nothing, are waited for',
    native: [
      ['threats/native', 'A27: connections that say nothing are capped and ended, and an honest transfer completes'],
      ['transfer/listen', 'M131: at most 64 handshakes at once, and who says nothing keeps nobody out'],
      ['transfer/listen', 'at most so many sessions'],
      [HANDSHAKE, 'a peer that says nothing, or stops half way, is given up']
    ],
    fence: [
      [SERVE, 'A27: three hundred that only connect do not keep an honest one out'],
      [SERVE, 'M148: five at once, and a sixth is told at once'],
      ['auth/classic/auth-server', 'A27: connections that say nothing do not keep others out, and end']
    ]
  },
  A28: {
    what: 'a file that is not there is never answered',
    shown: 'A28: a file that is not there is waited for',
    native: [
      ['transfer/export-root', 'refusals are all the same'],
      ['transfer/file-session', 'refusals'],
      [HANDSHAKE, 'a peer that says nothing, or stops half way, is given up']
    ],
    fence: [
      [GET, 'M142, A28: each wait ends'],
      [SERVE, 'M142, A28: who says nothing is not waited for'],
      ['auth/classic/login', 'A28: a server that does not answer is not waited for']
    ]
  },
  A29: {
    what: 'the old file is deleted before the new one has come',
    shown: 'A29: what was there is gone before anything has come',
    native: [
      ['streams/write-file', 'an error of the source leaves nothing behind'],
      ['integration/kills', 'M65: kill -9 of either side, or a reset, at any byte loses nothing'],
      ['integration/rename', 'eight get one file into one name: eight files, all whole, and each says its name']
    ],
    fence: [
      [GET, 'A29: what has the name stays until the end, and two of one name do not meet'],
      ['cli/classic/files', 'A29: kill -9 on the way leaves the old file as it was']
    ]
  }
}
