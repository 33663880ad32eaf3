import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import { defaultNamespace } from '../api/keys.ts'
import { AppError } from '../base/errors.ts'
import { isObject, listAt, numberAt, objectAt, stringAt, type JsonObject } from '../base/json.ts'
import { applyManifest } from '../kube/apply.ts'
import type { KubeClient } from '../kube/client.ts'
import type { PodAccess, Store } from './contract.ts'

/** Kinglet's own Deployments, in its manifest. */
const deployments = ['kinglet-controller', 'kinglet-webhook']
/** Processes of a laptop start within seconds; a machine under full load gets its time. */
const readyTimeoutMs = 120_000

/**
 * Applies the manifest as `kubectl apply -f` would, and waits until controller and webhook serve and the API server trusts the webhook.
 * Throws AppError `INSTALL_TIMEOUT`, which says what is missing and the last words of the pods.
 */
export async function installKinglet(options: { readonly client: KubeClient; readonly manifest: string; readonly store: Store; readonly access: PodAccess }): Promise<void> {
  for (const document of parseAllDocuments(await readFile(options.manifest, 'utf8'))) {
    const object: unknown = document.toJS()
    if (isObject(object)) await applyManifest(options.client, object)
  }
  const missing = await waitUntilReady(options.store)
  if (missing.length === 0) return
  const words = await lastWords(options.store, options.access)
  throw new AppError('INSTALL_TIMEOUT', [`Kinglet is not ready after ${readyTimeoutMs / 1000} s: ${missing.join('; ')}`, ...words].join('\n'))
}

/** What is still missing at the end of the time; empty when all is there. */
async function waitUntilReady(store: Store): Promise<readonly string[]> {
  const end = Date.now() + readyTimeoutMs
  for (;;) {
    const missing = [...deployments.flatMap((name) => missingReplicas(store, name)), ...missingTrust(store)]
    if (missing.length === 0 || Date.now() > end) return missing
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function missingReplicas(store: Store, name: string): readonly string[] {
  const deployment = store.get('apps/deployments', defaultNamespace, name)
  const wanted = numberAt(deployment, 'spec', 'replicas') ?? 1
  const available = numberAt(deployment, 'status', 'availableReplicas') ?? 0
  return deployment && available >= wanted ? [] : [`${available} of ${wanted} pods of Deployment ${name} are available`]
}

/** The controller writes its CA into the configuration; without it the API server cannot call the webhook. */
function missingTrust(store: Store): readonly string[] {
  const configuration = store.get('admissionregistration.k8s.io/mutatingwebhookconfigurations', undefined, 'kinglet')
  const webhooks = listAt(configuration, 'webhooks')
  const isTrusted = webhooks.length > 0 && webhooks.every((webhook) => (stringAt(webhook, 'clientConfig', 'caBundle') ?? '') !== '')
  return isTrusted ? [] : ['the caBundle of MutatingWebhookConfiguration kinglet is empty']
}

async function lastWords(store: Store, access: PodAccess): Promise<readonly string[]> {
  const words: string[] = []
  for (const pod of store.list('/pods', defaultNamespace)) {
    const name = stringAt(pod, 'metadata', 'name') ?? ''
    words.push(`pod ${name}: ${stringAt(pod, 'status', 'phase')} ${waitingReasons(pod)}`)
    try {
      for await (const line of access.logs(defaultNamespace, name, { follow: false, tailLines: 10 }, new AbortController().signal)) words.push(`  ${line.trimEnd()}`)
    } catch (error) {
      words.push(`  no log: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return words
}

const waitingReasons = (pod: JsonObject): string =>
  listAt(pod, 'status', 'containerStatuses')
    .map((status) => objectAt({ status }, 'status', 'state', 'waiting'))
    .flatMap((waiting) => (waiting['reason'] === undefined ? [] : [`${stringAt(waiting, 'reason')}: ${stringAt(waiting, 'message') ?? ''}`]))
    .join(', ')
