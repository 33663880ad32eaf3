import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign, timingSafeEqual, verify } from 'node:crypto'
import { isObject, type JsonObject, listAt, numberAt, stringAt } from '../../../base/json.ts'
import type { TokenIssuer } from '../../contract.ts'
import { authenticatedGroup, type Caller, serviceAccountCaller } from '../caller.ts'
import { uidOf } from '../object-meta.ts'
import type { ObjectStore } from '../store.ts'

/**
 * Bearer tokens: those of ServiceAccounts are JWTs signed with a key that lives as long as the process; those of people are drawn
 * by chance for a kubeconfig.
 */
export interface Tokens extends TokenIssuer {
  /** Who shows this token; undefined for nobody. `audiences` are those that the reader accepts. */
  authenticate(token: string, audiences: readonly string[]): Authenticated | undefined
  /** A new token for a person. */
  admit(caller: Caller): string
}

export interface Authenticated {
  readonly caller: Caller
  /** The accepted audiences that the token is for. */
  readonly audiences: readonly string[]
}

/** Audience of tokens for the API server itself. */
export const apiAudience = 'https://kubernetes.default.svc.cluster.local'
const issuer = apiAudience
/** People are few; more kubeconfigs than this make the oldest invalid. */
const personLimit = 100

export function createTokens(store: ObjectStore, now: () => Date): Tokens {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const people = new Map<string, Caller>()
  return {
    mint: (claims) => {
      const issuedAt = Math.floor(now().getTime() / 1000)
      const account = store.get('/serviceaccounts', claims.namespace, claims.serviceAccount)
      const bound = claims.pod === undefined ? {} : { pod: claims.pod }
      const payload = {
        aud: claims.audiences.length === 0 ? [apiAudience] : claims.audiences,
        exp: issuedAt + claims.expirationSeconds,
        iat: issuedAt,
        nbf: issuedAt,
        iss: issuer,
        jti: randomUUID(),
        'kubernetes.io': { namespace: claims.namespace, serviceaccount: { name: claims.serviceAccount, uid: account === undefined ? '' : uidOf(account) }, ...bound },
        sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount}`,
      }
      return signToken(payload, privateKey)
    },
    authenticate: (token, audiences) => {
      const person = [...people].find(([known]) => isSame(known, token))
      if (person !== undefined) return { caller: person[1], audiences: [apiAudience] }
      const payload = verifyToken(token, publicKey)
      return payload === undefined ? undefined : accept(payload, { store, audiences, seconds: now().getTime() / 1000 })
    },
    admit: (caller) => {
      const token = randomBytes(24).toString('base64url')
      people.set(token, caller)
      const oldest = people.keys().next().value
      if (people.size > personLimit && oldest !== undefined) people.delete(oldest)
      return token
    },
  }
}

const isSame = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function signToken(payload: unknown, key: KeyObject): string {
  const text = `${encode({ alg: 'ES256', kid: 'kinglet-sandbox' })}.${encode(payload)}`
  // JWS wants the two numbers of the signature side by side (RFC 7518 §3.4).
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function verifyToken(token: string, key: KeyObject): JsonObject | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const isSigned = signature !== '' && verify('sha256', Buffer.from(`${header}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  if (!isSigned) return undefined
  const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  return isObject(value) ? value : undefined
}

/** A token counts while its ServiceAccount, and the pod that it is bound to, are there. */
function accept(payload: JsonObject, { store, audiences, seconds }: { readonly store: ObjectStore; readonly audiences: readonly string[]; readonly seconds: number }): Authenticated | undefined {
  const accepted = listAt(payload, 'aud').filter((audience) => typeof audience === 'string').filter((audience) => audiences.includes(audience))
  if (accepted.length === 0 || (numberAt(payload, 'exp') ?? 0) <= seconds) return undefined
  const claims = payload['kubernetes.io']
  const namespace = stringAt(claims, 'namespace') ?? ''
  const name = stringAt(claims, 'serviceaccount', 'name') ?? ''
  const account = store.get('/serviceaccounts', namespace, name)
  if (account === undefined || uidOf(account) !== stringAt(claims, 'serviceaccount', 'uid')) return undefined
  const pod = { name: stringAt(claims, 'pod', 'name'), uid: stringAt(claims, 'pod', 'uid') }
  if (pod.name !== undefined && pod.uid !== undefined) {
    const bound = store.get('/pods', namespace, pod.name)
    if (bound === undefined || uidOf(bound) !== pod.uid) return undefined
  }
  const extra: Record<string, readonly string[]> = {
    'authentication.kubernetes.io/credential-id': [`JTI=${stringAt(payload, 'jti') ?? ''}`],
    ...(pod.name === undefined || pod.uid === undefined ? {} : { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] }),
  }
  return { caller: { ...serviceAccountCaller(namespace, name), uid: uidOf(account), extra }, audiences: accepted }
}

/** Who asks when nobody can be told: refused everywhere but at the health checks. */
export const anonymous: Caller = { username: 'system:anonymous', groups: ['system:unauthenticated'] }
export const isAuthenticated = (caller: Caller): boolean => caller.groups.includes(authenticatedGroup)
