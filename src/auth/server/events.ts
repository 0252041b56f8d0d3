import type { LoginAnswer, Refusal } from './login-decision.ts'
import type { RenewalAnswer, RenewalRefusal } from './renewal-decision.ts'

/** What happened, for a log or an audit; no password and no request text is in it. */
export type AuthEvent =
  | {
      readonly type: 'login'
      readonly result: LoginAnswer['kind']
      /** Of a refusal; the client is not told. */
      readonly reason?: Refusal
      readonly name: string
      readonly source: string
    }
  | {
      readonly type: 'enrolment'
      readonly result: LoginAnswer['kind']
      readonly reason?: Refusal
      /** Of the token, once it has been verified. */
      readonly name: string | undefined
      readonly source: string
    }
  | {
      readonly type: 'renewal'
      readonly result: RenewalAnswer['kind']
      readonly reason?: RenewalRefusal
      /** Of the certificate, once it has been verified. */
      readonly name: string | undefined
      readonly source: string
    }
  /** The clock of the server was set, or its machine slept; in ms. */
  | { readonly type: 'clock'; readonly stepped: number }
  | { readonly type: 'fault'; readonly error: unknown }
