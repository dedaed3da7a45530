--- template_parts: what specs of single parts of the template need: refs, and options without the rest of a template.

local template_parts = {}

--- Refs as a template with the prefix "Watchbot" has them.
function template_parts.refs(more)
  local refs = { id = function(name) return "Watchbot" .. name end, topic = { Ref = "WatchbotTopic" } }
  for name, value in pairs(more or {}) do refs[name] = value end
  return refs
end

return template_parts
