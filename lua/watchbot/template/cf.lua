--- template.cf: CloudFormation's intrinsic functions, as the plain tables that they are in a template.

local cf = {}

function cf.ref(name) return { Ref = name } end
function cf.getatt(name, attribute) return { ["Fn::GetAtt"] = { name, attribute } } end
function cf.sub(text, values) return { ["Fn::Sub"] = values and { text, values } or text } end
function cf.join(separator, list) return { ["Fn::Join"] = { separator, list } } end
function cf.select(index, list) return { ["Fn::Select"] = { index, list } } end
function cf.split(separator, text) return { ["Fn::Split"] = { separator, text } } end

--- Whether a value is an intrinsic: a table whose one key is "Ref", "Condition" or "Fn::...".
function cf.is(value)
  if type(value) ~= "table" then return false end
  local key = next(value)
  if type(key) ~= "string" or next(value, key) ~= nil then return false end
  return key == "Ref" or key == "Condition" or key:match "^Fn::" ~= nil
end

return cf
