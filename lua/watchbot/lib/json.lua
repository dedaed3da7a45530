--- json: the one JSON codec of the program (RFC 8259). Sits on watchbot.core.json (src/ljson.c).
--
-- - null: `json.null`, which is true in a condition. `decode(text, true)` leaves nulls out, of
--   objects and of lists, as AWS means them; what follows a null in a list moves up.
-- - Lists and objects: a decoded list is marked, so that `[]` stays a list. An empty table that is
--   not marked is written as `{}`.
-- - Integers are exact up to 64 bits; larger ones become floats. A float with an integer value is
--   written as an integer (AWS takes no `20.0` and no `1e+15` for an integer). NaN and infinities
--   cannot be written; a number that no double can hold is not read.
-- - Spelling: no blanks; only `"`, `\` and the bytes below 0x20 are escaped. A slash is `/`, and
--   characters above ASCII stand as they are. The members of an object have no order.
-- - Half of a surrogate pair, read from an escape such as `\ud83d`, becomes U+FFFD.
-- - Bytes that are not UTF-8: `decode` takes them as they are; `encode` refuses them unless `how`
--   says otherwise.
-- - Nesting ends at 100 levels. Of two members with one name, the last one counts.

local core = require "watchbot.core".json

local json = {}

--- Stands for null.
json.null = core.null

--- Marks a table as a list, so that it is written as `[]` when it is empty.
---@type fun(list: table?): table
json.list = core.list

--- Whether a table is marked as a list.
---@type fun(value: any): boolean
json.is_list = core.is_list

--- Writes a value. Text that is not UTF-8 is refused by default; with "replace" each byte that does
--- not belong becomes U+FFFD (for people and tasks), with "bytes" it stays as it is (for what only
--- this program reads). Raises for what JSON cannot hold: functions, NaN, a table with both names
--- and numbers for keys, more than 100 levels.
---@type fun(value: any, how: "refuse"|"replace"|"bytes"|nil): string?, string?, string? nil, err
--- and "InvalidText"
json.encode = core.encode

--- Writes an object with its members in this order (name, value, name, value, ...), without those
--- whose value is nil. For log lines: text is written with "replace", infinities and NaN in words.
---@type fun(name: string, value: any, ...): string
json.members = core.members

--- Reads a value.
---@type fun(text: string, drop_nulls: boolean?): any, string?, string? nil, err and "InvalidJson";
--- the error has the position, and shows nothing of the text
json.decode = core.decode

return json
