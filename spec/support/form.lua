--- form: application/x-www-form-urlencoded, as API Gateway writes it and SNS reads it.

local form = {}

function form.encode(text)
  return (text:gsub("[^%w*._-]", function(char)
    return char == " " and "+" or ("%%%02X"):format(char:byte())
  end))
end

function form.decode(text)
  local fields = {}
  for name, value in text:gmatch "([^=&]+)=([^&]*)" do
    assert(not fields[name], name .. " is there twice")
    fields[name] = value:gsub("+", " "):gsub("%%(%x%x)", function(digits)
      return string.char(tonumber(digits, 16))
    end)
  end
  return fields
end

return form
