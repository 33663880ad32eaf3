import type { ContainerKind } from './container.ts'

/**
 * The order in which a pod's containers are told to stop (KEP-753): regular containers at once, then the sidecars in reverse
 * order of their start. Gives for each container those whose end it waits for. preStop hooks wait for nobody.
 * Example: sidecars a, b and app x → x: [], b: [x], a: [x, b].
 */
export function terminationOrder(containers: readonly { readonly name: string; readonly kind: ContainerKind }[]): ReadonlyMap<string, readonly string[]> {
  const first = containers.filter(({ kind }) => kind !== 'sidecar').map(({ name }) => name)
  const sidecars = containers.filter(({ kind }) => kind === 'sidecar').map(({ name }) => name)
  return new Map([
    ...first.map((name) => [name, []] as const),
    ...sidecars.map((name, index) => [name, [...first, ...sidecars.slice(index + 1)]] as const),
  ])
}
