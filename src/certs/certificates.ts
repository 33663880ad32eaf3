import { resources } from '../api/resources.ts'
import type { Clock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { listAt, stringAt, type Json, type JsonObject } from '../base/json.ts'
import type { KeyedCertificate } from './issue.ts'
import { serviceNames } from './names.ts'
import { ensureAuthority, ensureLeaf, ensureLeafSecret, type Authority, type CertificateClient } from './secrets.ts'

/**
 * Everything that Kinglet needs to be trusted, kept true by the leading controller: the CA in Secret `kinglet-ca`, the webhook's
 * leaf in Secret `kinglet-webhook-tls`, the controller's own leaf in memory, the CA in the webhook configuration.
 * It must not restart anybody: leaves are swapped in running servers. Replacing the CA while others still trust the old one is not
 * done here yet; `caPem` may hold several certificates for that day.
 */
export interface CertificateOptions {
  readonly client: CertificateClient
  readonly clock: Clock
  /** Kinglet's namespace. */
  readonly namespace: string
  /** Name of the MutatingWebhookConfiguration. */
  readonly webhookConfiguration: string
  /** Names of the two Services. Defaults are those of install.yaml. */
  readonly webhookService?: string
  readonly streamService?: string
  /** Further names in the controller's leaf: addresses by which sidecars dial it outside of a cluster. */
  readonly extraStreamNames?: readonly string[]
  /** Calls back when the webhook configuration changed (a reflector of it); it is looked at once a minute besides. */
  readonly onConfigurationChange?: (listener: () => void) => () => void
  /** Told of failed checks after the first; they are repeated. */
  readonly onError?: (error: unknown) => void
}

export interface Certificates {
  /** What to trust us by; PEM, one or several certificates. */
  caPem(): string
  /** For the server that sidecars dial. */
  streamLeaf(): KeyedCertificate
  /** Calls back after `caPem` or `streamLeaf` changed: swap them with `setSecureContext`. */
  subscribe(listener: () => void): () => void
  stop(): Promise<void>
}

export const secretNames = { authority: 'kinglet-ca', webhook: 'kinglet-webhook-tls' } as const
const checkMs = 60_000

/** Resolves when everything is in place for the first time. Errors: the client's, INVARIANT. */
export async function startCertificates(options: CertificateOptions): Promise<Certificates> {
  const { clock } = options
  const listeners = new Set<() => void>()
  let state = await ensureAll(options, undefined)
  let running: Promise<void> | undefined
  let isAgain = false
  let isStopped = false
  let cancelTimer = (): void => undefined

  const check = async (): Promise<void> => {
    try {
      const next = await ensureAll(options, state.leaf)
      const isChanged = next.leaf !== state.leaf || next.authority.bundle !== state.authority.bundle
      state = next
      if (isChanged) for (const listener of listeners) listener()
    } catch (error) {
      options.onError?.(error)
    }
  }
  /** One check at a time; a call during one means another one after it. */
  const wake = (): void => {
    if (isStopped) return
    isAgain = running !== undefined
    running ??= check().finally(() => {
      running = undefined
      cancelTimer()
      if (isAgain) wake()
      else if (!isStopped) cancelTimer = clock.after(checkMs, wake)
    })
  }
  const unsubscribe = options.onConfigurationChange?.(wake)
  cancelTimer = clock.after(checkMs, wake)

  return {
    caPem: () => state.authority.bundle,
    streamLeaf: () => state.leaf,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop: async () => {
      isStopped = true
      unsubscribe?.()
      cancelTimer()
      await running
    },
  }
}

interface State {
  readonly authority: Authority
  readonly leaf: KeyedCertificate
}

async function ensureAll(options: CertificateOptions, current: KeyedCertificate | undefined): Promise<State> {
  const { client, clock, namespace } = options
  const authority = await ensureAuthority(client, { namespace, name: secretNames.authority }, clock.now())
  const webhookNames = serviceNames(options.webhookService ?? 'kinglet-webhook', namespace)
  await ensureLeafSecret(client, { namespace, name: secretNames.webhook }, authority, webhookNames, clock.now())
  const streamNames = [...serviceNames(options.streamService ?? 'kinglet-controller', namespace), ...(options.extraStreamNames ?? [])]
  const leaf = await ensureLeaf(current, authority, streamNames, clock.now())
  await reconcileCaBundle(client, options.webhookConfiguration, authority.bundle)
  return { authority, leaf }
}

/**
 * Makes every webhook of the configuration trust `bundle`; applying the manifest again, or another tool, may have taken it out.
 * Writes only when something differs, and only if nobody wrote in between. True: it was in order or is now; false: there is no such configuration.
 */
export async function reconcileCaBundle(client: CertificateClient, name: string, bundle: string): Promise<boolean> {
  const caBundle = Buffer.from(bundle).toString('base64')
  for (let attempt = 1; ; attempt += 1) {
    const configuration = await client.find(resources.mutatingWebhookConfigurations, { name })
    if (!configuration) return false
    const repairs = listAt(configuration, 'webhooks').flatMap((webhook, index) =>
      stringAt(webhook, 'clientConfig', 'caBundle') === caBundle ? [] : [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle }],
    )
    if (repairs.length === 0) return true
    try {
      await client.patch(resources.mutatingWebhookConfigurations, { name }, { type: 'json', body: [unchangedSince(configuration), ...repairs] })
      return true
    } catch (error) {
      // A failed test is INVALID or BAD_REQUEST, by version of the API server.
      const isRace = error instanceof AppError && ['CONFLICT', 'INVALID', 'BAD_REQUEST', 'NOT_FOUND'].includes(error.code)
      if (!isRace || attempt >= 5) throw error
    }
  }
}

const unchangedSince = (object: JsonObject): Json => ({ op: 'test', path: '/metadata/resourceVersion', value: stringAt(object, 'metadata', 'resourceVersion') ?? '' })
