import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../base/json.ts'
import type { Schema } from '../schema/openapi-schema.ts'
import { compileCustomValidator } from './validate-custom.ts'

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer' },
        port: { 'x-kubernetes-int-or-string': true },
        mode: { type: 'string', enum: ['a', 'b'] },
        nothing: { type: 'string', nullable: true },
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 },
        list: { type: 'array', maxItems: 2, items: { type: 'object', required: ['x'], properties: { x: { type: 'string' } } } },
      },
    },
  },
}
const withRules: Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: { min: { type: 'integer' }, max: { type: 'integer' }, fixed: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'is fixed' }] }, names: { type: 'array', items: { type: 'string' } } },
      'x-kubernetes-validations': [
        { rule: '!has(self.min) || !has(self.max) || self.min <= self.max', messageExpression: "'min ' + string(self.min) + ' is over max ' + string(self.max)" },
        { rule: "!has(self.names) || self.names.all(n, n.startsWith('a'))" },
      ],
    },
  },
}
const problems = (schemaOf: Schema, spec: JsonObject, previous?: JsonObject): readonly string[] =>
  compileCustomValidator(schemaOf)({ spec }, previous === undefined ? undefined : { spec: previous }).map(({ field, message }) => `${field}: ${message}`)

describe('a custom object', () => {
  it.each<[JsonObject, readonly string[]]>([
    [{ size: 1, port: 80, nothing: null }, []],
    [{ size: 1, port: 'http' }, []],
    [{}, ['spec.size: Required value']],
    [{ size: 'x' }, ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"']],
    [{ size: 1, mode: 'c' }, ['spec.mode: Unsupported value: "c": supported values: "a", "b"']],
    [{ size: 1, name: 'A' }, ['spec.name: Invalid value: "A": spec.name in body should match \'^[a-z]+$\'']],
    [{ size: 1, name: 'abcdef' }, ['spec.name: Too long: may not be more than 5 bytes']],
    [{ size: 1, list: [{ x: 'a' }, {}] }, ['spec.list[1].x: Required value']],
    [{ size: 1, list: [{ x: 'a' }, { x: 'b' }, { x: 'c' }] }, ['spec.list: Too many: 3: must have at most 2 items']],
    [{ size: 1, port: true }, ['spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"']],
  ])('%j gives %j', (spec, expected) => expect(problems(schema, spec)).toEqual(expected))
})

describe('its CEL rules', () => {
  it.each<[JsonObject, JsonObject | undefined, readonly string[]]>([
    [{ min: 1, max: 2, names: ['ab'] }, undefined, []],
    [{ min: 3, max: 2 }, undefined, ['spec: Invalid value: "object": min 3 is over max 2']],
    [{ names: ['b'] }, undefined, ["spec: Invalid value: \"object\": failed rule: !has(self.names) || self.names.all(n, n.startsWith('a'))"]],
    [{ fixed: 'x' }, undefined, []],
    [{ fixed: 'x' }, { fixed: 'x' }, []],
    [{ fixed: 'x' }, { fixed: 'y' }, ['spec.fixed: Invalid value: "x": is fixed']],
  ])('%j after %j gives %j', (spec, previous, expected) => expect(problems(withRules, spec, previous)).toEqual(expected))
})
