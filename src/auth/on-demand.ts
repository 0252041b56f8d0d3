/**
 * What a transfer never needs: the authority, its server and its users, and the login. The first call of each loads its file, and with it forge,
 * fastify, HTTPS or SQLite, which together would cost a command more than all the rest of its start.
 */

/** Makes an authority in a directory; see `authority.ts`. */
export const initAuthority: typeof import('./authority/authority.ts').initAuthority = async (...args) =>
  (await import('./authority/authority.ts')).initAuthority(...args)

/** Opens an authority for issuing; see `authority.ts`. */
export const openAuthority: typeof import('./authority/authority.ts').openAuthority = async (...args) =>
  (await import('./authority/authority.ts')).openAuthority(...args)

/** Says what is in an authority's directory; see `authority-files.ts`. */
export const describeAuthority: typeof import('./authority/authority-files.ts').describeAuthority = async (...args) =>
  (await import('./authority/authority-files.ts')).describeAuthority(...args)

/** Gets a certificate for a name and a password; see `login.ts`. */
export const login: typeof import('./client/login.ts').login = async (...args) =>
  (await import('./client/login.ts')).login(...args)

/** Gets a new certificate by possession of the key; see `renewal.ts`. */
export const renew: typeof import('./client/renewal.ts').renew = async (...args) =>
  (await import('./client/renewal.ts')).renew(...args)

/** Serves an authority over HTTPS; see `server.ts`. */
export const serveAuthority: typeof import('./server/server.ts').serveAuthority = async (...args) =>
  (await import('./server/server.ts')).serveAuthority(...args)

/** Opens the store of an auth server; see `store/open-store.ts`. */
export const openStore: typeof import('./authority/store/open-store.ts').openStore = async (...args) =>
  (await import('./authority/store/open-store.ts')).openStore(...args)

/** Asks for the revocation lists; see `list-client.ts`. */
export const fetchLists: typeof import('./client/list-client.ts').fetchLists = async (...args) =>
  (await import('./client/list-client.ts')).fetchLists(...args)

/** Keeps up with the revocation lists; see `list-client.ts`. */
export const followLists: typeof import('./client/list-client.ts').followLists = async (...args) =>
  (await import('./client/list-client.ts')).followLists(...args)

/** Opens an authority that may change; see `rotation.ts`. */
export const authorityAt: typeof import('./authority/rotation.ts').authorityAt = async (...args) =>
  (await import('./authority/rotation.ts')).authorityAt(...args)

/** Makes a new issuing CA; see `rotation.ts`. */
export const rotateIssuing: typeof import('./authority/rotation.ts').rotateIssuing = async (...args) =>
  (await import('./authority/rotation.ts')).rotateIssuing(...args)

/** Moves the root key away; see `rotation.ts`. */
export const moveRootKey: typeof import('./authority/rotation.ts').moveRootKey = async (...args) =>
  (await import('./authority/rotation.ts')).moveRootKey(...args)

/** Finds a member by name; see `directory-client.ts`. */
export const locatePeer: typeof import('./client/directory-client.ts').locatePeer = async (...args) =>
  (await import('./client/directory-client.ts')).locatePeer(...args)

/** Says who listens; see `directory-client.ts`. */
export const listServing: typeof import('./client/directory-client.ts').listServing = async (...args) =>
  (await import('./client/directory-client.ts')).listServing(...args)

/** Tells the directory that we listen; see `directory-client.ts`. */
export const keepAnnounced: typeof import('./client/directory-client.ts').keepAnnounced = async (...args) =>
  (await import('./client/directory-client.ts')).keepAnnounced(...args)

/** Gets a certificate for a token; see `login.ts`. */
export const enrol: typeof import('./client/login.ts').enrol = async (...args) =>
  (await import('./client/login.ts')).enrol(...args)

/** Says for whom a token is; see `login.ts`. */
export const nameInToken = async (token: string): Promise<string> =>
  (await import('./client/login.ts')).nameInToken(token)

/** Makes a token; see `tokens.ts`. */
export const issueToken: typeof import('./server/tokens.ts').issueToken = async (...args) =>
  (await import('./server/tokens.ts')).issueToken(...args)

/** Writes an authority into one file; see `backup.ts`. */
export const backupAuthority: typeof import('./authority/backup.ts').backupAuthority = async (...args) =>
  (await import('./authority/backup.ts')).backupAuthority(...args)

/** Makes an authority of a backup; see `backup.ts`. */
export const restoreAuthority: typeof import('./authority/backup.ts').restoreAuthority = async (...args) =>
  (await import('./authority/backup.ts')).restoreAuthority(...args)

/** Compares this machine's clock with the auth server's; see `clock.ts`. */
export const clockOffset: typeof import('./client/clock.ts').clockOffset = async (...args) =>
  (await import('./client/clock.ts')).clockOffset(...args)

/** Looks at an authority without its keys; see `inspection.ts`. */
export const inspectAuthority: typeof import('./authority/inspection.ts').inspectAuthority = async (...args) =>
  (await import('./authority/inspection.ts')).inspectAuthority(...args)

/** Puts older lines of an auth server's audit into a file; see `audit-archive.ts`. */
export const archiveAudit: typeof import('./server/audit-archive.ts').archiveAudit = async (...args) =>
  (await import('./server/audit-archive.ts')).archiveAudit(...args)
