--- json: JSON as AWS wants it. Sits on watchbot.core.json (src/ljson.c).
-- Integers are exact up to 64 bits, whole floats are written as integers, an empty list is told from an empty object, and
-- null from absent. Text must be UTF-8.

local core = require "watchbot.core".json

local json = {}

--- What stands for null. It is true in a condition, so an answer's nulls are left out by default: see `decode`.
json.null = core.null

--- Marks a table as a list, so that it is written as `[]` when it is empty; `{}` is an object otherwise. Decoded lists are
--- marked.
---@type fun(list: table?): table
json.list = core.list

---@type fun(value: any): boolean
json.is_list = core.is_list

--- Raises for what JSON cannot hold: functions, NaN, a table with both names and numbers for keys, more than 100 levels.
---@type fun(value: any): string?, string?, string? nil, message and "InvalidText" for a string that is not UTF-8
json.encode = core.encode

--- With `drop_nulls` a name with null is absent from its object, as AWS means it; a null in a list stays.
---@type fun(text: string, drop_nulls: boolean?): any, string?, string? nil, message and "InvalidJson"; the message shows
--- nothing of the text
json.decode = core.decode

return json
