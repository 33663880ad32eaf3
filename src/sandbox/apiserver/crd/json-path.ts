import { isObject } from '../../../base/json.ts'

/**
 * The JSON paths of printer columns: `.spec.replicas`, `.metadata.annotations.a\.b`, `.spec.items[0].name`, `.spec.items[*].name`,
 * `.status.conditions[?(@.type=="Ready")].status`. All values found, in order; a path that leads nowhere finds none.
 */
export function evaluateJsonPath(root: unknown, path: string): readonly unknown[] {
  let found: readonly unknown[] = [root]
  for (const step of steps(path.replace(/^\{(.*)\}$/, '$1'))) found = found.flatMap((value) => follow(value, step))
  return found
}

type Step = { readonly kind: 'field'; readonly name: string } | { readonly kind: 'index'; readonly index: number } | { readonly kind: 'all' } | { readonly kind: 'where'; readonly path: string; readonly value: string; readonly negated: boolean }

function steps(path: string): readonly Step[] {
  const pattern = /\.((?:[^.[\\]|\\.)+)|\[\?\(\s*@\.([^=!\s]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([^)\s]+))\s*\)\]|\[(\*)\]|\[(-?\d+)\]|\['([^']+)'\]/g
  return [...path.matchAll(pattern)].map((match): Step => {
    const [, field, filterPath, operator, double, single, bareValue, star, index, quoted] = match
    if (field !== undefined) return field === '*' ? { kind: 'all' } : { kind: 'field', name: field.replaceAll(/\\(.)/g, '$1') }
    if (filterPath !== undefined) return { kind: 'where', path: filterPath, value: double ?? single ?? bareValue ?? '', negated: operator === '!=' }
    if (star !== undefined) return { kind: 'all' }
    return index === undefined ? { kind: 'field', name: quoted ?? '' } : { kind: 'index', index: Number(index) }
  })
}

function follow(value: unknown, step: Step): readonly unknown[] {
  switch (step.kind) {
    case 'field': {
      const inner = isObject(value) ? value[step.name] : undefined
      return inner === undefined ? [] : [inner]
    }
    case 'index': {
      const item: unknown = Array.isArray(value) ? value.at(step.index) : undefined
      return item === undefined ? [] : [item]
    }
    case 'all':
      return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []
    case 'where':
      return Array.isArray(value) ? value.filter((item) => (String(evaluateJsonPath(item, `.${step.path}`)[0]) === step.value) !== step.negated) : []
  }
}
