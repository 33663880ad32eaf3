import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { KeyedCertificate } from './issue.ts'

/** Reads certificates and says what is wrong with them. Only node:crypto: a verifier must not be the code that wrote them. */

export interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** Several certificates in one text, one by one. */
export const splitPem = (bundle: string): readonly string[] => bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []

/** Milliseconds since the epoch between which a certificate counts; undefined where it is none. */
export function validityOf(certPem: string): Validity | undefined {
  const certificate = read(certPem)
  return certificate && { notBefore: certificate.validFromDate.getTime(), notAfter: certificate.validToDate.getTime() }
}

/**
 * What is wrong with a CA and its key at `now`; undefined if it can sign. One that is not valid yet was made where the clock is ahead
 * of ours, and its peers trust it already.
 */
export function faultOfAuthority(authority: KeyedCertificate, now: number): string | undefined {
  const certificate = read(authority.certPem)
  if (!certificate) return 'it is not a certificate'
  if (!certificate.ca) return 'it is not a CA'
  return faultOfKey(certificate, authority.keyPem) ?? faultOfEnd(certificate, now)
}

/**
 * What is wrong with a server certificate at `now`: not readable, key of another one, time, names that it does not cover, signed by none of the
 * CAs in `caBundle`. Undefined if clients that trust the bundle will accept it.
 */
export function faultOfLeaf(leaf: KeyedCertificate, caBundle: string, names: readonly string[], now: number): string | undefined {
  const certificate = read(leaf.certPem)
  if (!certificate) return 'it is not a certificate'
  const missing = names.find((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) === undefined)
  if (missing !== undefined) return `it does not cover the name ${missing}`
  const isTrusted = splitPem(caBundle).some((pem) => {
    const authority = read(pem)
    return authority !== undefined && certificate.checkIssued(authority) && certificate.verify(authority.publicKey) && faultOfEnd(authority, now) === undefined
  })
  return faultOfKey(certificate, leaf.keyPem) ?? faultOfTime(certificate, now) ?? (isTrusted ? undefined : 'it is signed by none of the CAs')
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

function faultOfKey(certificate: X509Certificate, keyPem: string): string | undefined {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem)) ? undefined : 'its key belongs to another certificate'
  } catch {
    return 'its key is not readable'
  }
}

function faultOfTime(certificate: X509Certificate, now: number): string | undefined {
  if (now < certificate.validFromDate.getTime()) return `it is not valid before ${certificate.validFromDate.toISOString()}`
  return faultOfEnd(certificate, now)
}

const faultOfEnd = (certificate: X509Certificate, now: number): string | undefined =>
  now >= certificate.validToDate.getTime() ? `it expired at ${certificate.validToDate.toISOString()}` : undefined
