import { defaultNamespace } from '../../../src/api/keys.ts'
import { resources } from '../../../src/api/resources.ts'
import { cluster } from './cluster.ts'
import { eventually } from './eventually.ts'
import { nameOf, rolledOut, uidOf } from './objects.ts'

/** Kinglet's own parts, and how a test takes them away. */

const selectors = { controller: 'app.kubernetes.io/component=controller', webhook: 'app.kubernetes.io/component=webhook' } as const
export type Part = keyof typeof selectors

/** Kills every pod of a part at once, without a grace period; resolves when they are gone. Its Deployment starts new ones. */
export async function kill(part: Part): Promise<void> {
  const pods = await cluster().list(resources.pods, { namespace: defaultNamespace, labelSelector: selectors[part] })
  if (pods.length === 0) throw new Error(`there is no pod of the ${part} to kill`)
  const uids = new Set(pods.map(uidOf))
  await Promise.all(pods.map((pod) => cluster().delete(resources.pods, { namespace: defaultNamespace, name: nameOf(pod) }, { gracePeriodSeconds: 0 })))
  await eventually(`the killed pods of the ${part} are gone`, async () => {
    const left = await cluster().list(resources.pods, { namespace: defaultNamespace, labelSelector: selectors[part] })
    return left.every((pod) => !uids.has(uidOf(pod)))
  })
}

/** Resolves when all replicas of a part are available. */
export const recovered = (part: Part): Promise<void> => rolledOut(defaultNamespace, `kinglet-${part}`)

/** Takes a part away altogether; the returned function brings it back. */
export async function takeAway(part: Part): Promise<() => Promise<void>> {
  const at = { namespace: defaultNamespace, name: `kinglet-${part}` }
  const before = await cluster().get(resources.deployments, at)
  const { replicas } = before['spec'] as { readonly replicas?: number }
  await cluster().patch(resources.deployments, at, { type: 'merge', body: { spec: { replicas: 0 } } })
  await kill(part).catch(() => undefined)
  await eventually(`no pod of the ${part} is left`, async () => (await cluster().list(resources.pods, { namespace: defaultNamespace, labelSelector: selectors[part] })).length === 0)
  return async () => {
    await cluster().patch(resources.deployments, at, { type: 'merge', body: { spec: { replicas: replicas ?? 1 } } })
    await recovered(part)
  }
}
