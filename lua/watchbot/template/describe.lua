--- template.describe: prints the declared options: lines for a terminal, or the table of
-- doc/templates.md.

local function shown(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for name, item in pairs(value) do parts[#parts + 1] = ("%s = %s"):format(name, shown(item)) end
  table.sort(parts)
  return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

-- "default 1", "required", or empty.
local function default_of(option)
  if option.required then return "required" end
  if option.default ~= nil then return "default " .. shown(option.default) end
end

local function mode_of(option)
  if option.modes and option.with then
    return ("mode %s, or with `%s`"):format(option.modes, option.with)
  end
  return option.modes and ("mode %s only"):format(option.modes)
end

local function help_of(option)
  return option.alias and ("former name of `%s`"):format(option.alias) or option.help
end

local function in_words(option)
  local parts = { option.kind.expected, default_of(option) }
  parts[#parts + 1] = mode_of(option)
  return table.concat(parts, "; ")
end

local forms = {}

function forms.text(option)
  return ("  %s: %s\n    %s"):format(option.name, in_words(option), help_of(option))
end

function forms.markdown(option)
  local default = option.required and "required"
    or option.default ~= nil and ("`%s`"):format(shown(option.default)) or ""
  local mode = mode_of(option)
  return ("| `%s` | %s | %s | %s%s | %s |"):format(option.name, option.kind.expected, default,
    help_of(option),
    mode and " (" .. mode .. ")" or "", option.since)
end

local headings = {
  text = "%s:",
  markdown = "### %s\n\n| option | value | default | meaning | since |\n|---|---|---|---|---|",
}

---@param declared { options: watchbot.template.Option[], groups: string[] }
---@param form "text"|"markdown"
---@return string
return function(declared, form)
  local blocks = {}
  for _, group in ipairs(declared.groups) do
    local lines = { headings[form]:format(group) }
    for _, option in ipairs(declared.options) do
      if option.group == group then lines[#lines + 1] = forms[form](option) end
    end
    blocks[#blocks + 1] = table.concat(lines, "\n")
  end
  return table.concat(blocks, "\n\n") .. "\n"
end
