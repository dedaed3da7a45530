--- json: the one JSON codec of the program (RFC 8259). Sits on watchbot.core.json (src/ljson.c).
--
-- - null: `json.null`, which is true in a condition. `decode(text, true)` removes nulls from
--   objects and lists, as AWS means them; list items after a null move up.
-- - Lists and objects: a decoded list is marked, so that `[]` stays a list. An unmarked empty table
--   is written as `{}`.
-- - Integers are exact up to 64 bits; larger ones become floats. A float with an integer value is
--   written as an integer (AWS refuses `20.0` and `1e+15` as integers). NaN and infinities cannot
--   be written; a number beyond the range of a double is refused.
-- - Spelling: no spaces; only `"`, `\` and the bytes below 0x20 are escaped. A slash is `/`, and
--   characters above ASCII are not escaped. The members of an object are in no particular order.
-- - Half of a surrogate pair, read from an escape such as `\ud83d`, becomes U+FFFD.
-- - Bytes that are not UTF-8: `decode` passes them on; `encode` refuses them unless `how` has
--   another value.
-- - Nesting ends at 100 levels. Of two members with one name, the last one counts.

local core = require "watchbot.core".json

local json = {}

--- Represents null.
json.null = core.null

--- Marks a table as a list, so that it is written as `[]` when it is empty.
---@type fun(list: table?): table
json.list = core.list

--- Whether a table is marked as a list.
---@type fun(value: any): boolean
json.is_list = core.is_list

--- Writes a value. By default, text that is not UTF-8 is refused; with "replace" each invalid byte
--- becomes U+FFFD (for people and tasks), with "bytes" it is written unchanged (for text that only
--- this program reads). Raises an error for values that JSON cannot represent: functions, NaN, a
--- table with both names and numbers as keys, more than 100 levels.
---@type fun(value: any, how: "refuse"|"replace"|"bytes"|nil): string?, string?, string? nil, err
--- and "InvalidText"
json.encode = core.encode

--- Writes an object with its members in this order (name, value, name, value, ...), without members
--- whose value is nil. For log lines: text is written with "replace", infinities and NaN as words.
---@type fun(name: string, value: any, ...): string
json.members = core.members

--- Reads a value.
---@type fun(text: string, drop_nulls: boolean?): any, string?, string? nil, err and "InvalidJson";
--- the error has the position, and does not quote the text
json.decode = core.decode

return json
