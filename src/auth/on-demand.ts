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

/** Says which organisation's authority is in a directory; see `authority.ts`. */
export const requireAuthority: typeof import('./authority/authority.ts').requireAuthority = async (...args) =>
  (await import('./authority/authority.ts')).requireAuthority(...args)

/** Gets a certificate for a name and a password; see `login.ts`. */
export const login: typeof import('./authority/login.ts').login = async (...args) =>
  (await import('./authority/login.ts')).login(...args)

/** Serves an authority over HTTPS; see `server.ts`. */
export const serveAuthority: typeof import('./authority/server.ts').serveAuthority = async (...args) =>
  (await import('./authority/server.ts')).serveAuthority(...args)

/** Opens the users of an auth server; see `user-store.ts`. */
export const openUserStore: typeof import('./authority/user-store.ts').openUserStore = async (...args) =>
  (await import('./authority/user-store.ts')).openUserStore(...args)
