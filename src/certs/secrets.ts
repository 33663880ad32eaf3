import { resources, type Address, type Resource } from '../api/resources.ts'
import { AppError } from '../base/errors.ts'
import { objectAt, stringAt, type JsonArray, type JsonObject } from '../base/json.ts'
import { createAuthority, issueLeaf, type KeyedCertificate } from './issue.ts'
import { faultOfAuthority, faultOfLeaf, splitPem, validityOf } from './validate.ts'

/** What is needed of a Kubernetes client; that of src/kube fits. Errors are AppErrors with CONFLICT, ALREADY_EXISTS, NOT_FOUND. */
export interface CertificateClient {
  find(resource: Resource, at: Address): Promise<JsonObject | undefined>
  create(resource: Resource, object: JsonObject): Promise<JsonObject>
  replace(resource: Resource, object: JsonObject): Promise<JsonObject>
  patch(resource: Resource, at: Address, patch: { readonly type: 'json'; readonly body: JsonArray }): Promise<JsonObject>
}

/** Our CA: `bundle` is what others trust, one or several certificates; `signer` is the one of them that signs. */
export interface Authority {
  readonly bundle: string
  readonly signer: KeyedCertificate
}

const day = 86_400_000
/** Long, until rotation with overlap is there: sidecars hold the CA for as long as their pods live. */
const authorityMs = 3_650 * day
const leafMs = 30 * day

/** How a leaf is renewed: when half of its life is over. */
const isDue = (certPem: string, now: number): boolean => {
  const validity = validityOf(certPem)
  return !validity || now >= (validity.notBefore + validity.notAfter) / 2
}

const attempts = 5

/**
 * The CA in the Secret, made if there is none. Of several controllers that come at once one creates it and the others adopt it.
 * One that cannot sign any more (expired, damaged) is replaced.
 */
export async function ensureAuthority(client: CertificateClient, at: Address, now: number): Promise<Authority> {
  return ensureSecret(client, at, {
    type: 'Opaque',
    read: (data) => {
      const bundle = data('ca.crt')
      const signer = { certPem: splitPem(bundle)[0] ?? '', keyPem: data('ca.key') }
      return faultOfAuthority(signer, now) === undefined ? { bundle, signer } : undefined
    },
    make: async () => {
      const signer = await createAuthority({ validMs: authorityMs, now })
      return { value: { bundle: signer.certPem, signer }, data: { 'ca.crt': signer.certPem, 'ca.key': signer.keyPem } }
    },
  })
}

/** The leaf in the Secret that the webhook's pods mount, made or renewed when it is due or does not fit the CA or the names. */
export async function ensureLeafSecret(client: CertificateClient, at: Address, authority: Authority, names: readonly string[], now: number): Promise<KeyedCertificate> {
  return ensureSecret(client, at, {
    type: 'kubernetes.io/tls',
    read: (data) => {
      const leaf = { certPem: data('tls.crt'), keyPem: data('tls.key') }
      const fits = data('ca.crt') === authority.bundle && faultOfLeaf(leaf, authority.bundle, names, now) === undefined
      return fits && !isDue(leaf.certPem, now) ? leaf : undefined
    },
    make: async () => {
      const leaf = await createLeaf(authority, names, now)
      return { value: leaf, data: { 'ca.crt': authority.bundle, 'tls.crt': leaf.certPem, 'tls.key': leaf.keyPem } }
    },
  })
}

/** `current` while it is good, else a new leaf; for one that is only held in memory. */
export async function ensureLeaf(current: KeyedCertificate | undefined, authority: Authority, names: readonly string[], now: number): Promise<KeyedCertificate> {
  const isGood = current && !isDue(current.certPem, now) && faultOfLeaf(current, authority.bundle, names, now) === undefined
  return isGood ? current : createLeaf(authority, names, now)
}

const createLeaf = (authority: Authority, names: readonly string[], now: number): Promise<KeyedCertificate> =>
  issueLeaf(authority.signer, { names, validMs: leafMs, now })

interface SecretContent<T> {
  readonly type: string
  /** What the Secret holds; undefined if it must be made anew. */
  readonly read: (data: (key: string) => string) => T | undefined
  readonly make: () => Promise<{ readonly value: T; readonly data: Readonly<Record<string, string>> }>
}

/** Reads, or writes and knows that nobody else wrote in between: creation refuses an existing object, replacement an older resourceVersion. */
async function ensureSecret<T>(client: CertificateClient, at: Address, content: SecretContent<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const secret = await client.find(resources.secrets, at)
    const present = secret && content.read((key) => decode(stringAt(secret, 'data', key)))
    if (present !== undefined) return present
    const made = await content.make()
    try {
      await writeSecret(client, at, { secret, type: content.type, data: made.data })
      return made.value
    } catch (error) {
      const isRace = error instanceof AppError && ['CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND'].includes(error.code)
      if (!isRace || attempt >= attempts) throw error
    }
  }
}

interface SecretWrite {
  readonly secret: JsonObject | undefined
  readonly type: string
  readonly data: Readonly<Record<string, string>>
}

function writeSecret(client: CertificateClient, at: Address, { secret, type, data }: SecretWrite): Promise<JsonObject> {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
  if (secret) return client.replace(resources.secrets, { ...secret, data: { ...objectAt(secret, 'data'), ...encoded } })
  const metadata = { ...at, labels: { 'app.kubernetes.io/part-of': 'kinglet' } }
  return client.create(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata, type, data: encoded })
}

const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString('utf8')
