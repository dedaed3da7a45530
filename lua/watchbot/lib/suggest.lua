--- suggest: the known name that a misspelt one probably meant, and the one form in which every
-- error says so: `unknown command 'rnu'; did you mean 'run'? (see watchbot --help)`.

--- Edits from `a` to `b`: letters inserted, removed, replaced, or swapped with their neighbour
--- (Damerau-Levenshtein, each letter edited once).
local function distance(a, b)
  local before, previous = {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, previous = previous, row
  end
  return previous[#b]
end

--- The nearest of `names`, if any is near enough to be meant.
---@param name string
---@param names string[]
---@return string?
local function nearest_of(name, names)
  local nearest, least = nil, math.max(1, #name // 3) + 1
  for _, candidate in ipairs(names) do
    -- At least as many edits as one of them is longer: a word of megabytes is not looked at.
    if math.abs(#name - #candidate) < least then
      local edits = distance(name:lower(), candidate:lower())
      if edits < least then nearest, least = candidate, edits end
    end
  end
  return nearest
end

local suggest = {}

--- The end of an error about an unknown name.
---@param name any a key that is not text has no near name
---@param names string[]
---@param note string? where help is: "see watchbot --help"
---@param prefix string? printed before the known name, as in "--"
---@return string "; did you mean '--queue'? (see watchbot --help)", or only the note
function suggest.hint(name, names, note, prefix)
  local near = type(name) == "string" and nearest_of(name, names)
  return (near and ("; did you mean '%s%s'?"):format(prefix or "", near) or "")
    .. (note and (" (%s)"):format(note) or "")
end

return setmetatable(suggest, { __call = function(_, ...) return nearest_of(...) end })
