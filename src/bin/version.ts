import { readFileSync } from 'node:fs'

/** The package's version; package.json stands two folders up from `src/bin` and from `dist/bin`. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
