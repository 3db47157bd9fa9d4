#!/bin/sh
# An MCP server with 20 tools in a shell, so that 50 of them fit into memory: `sh fewTools.sh NAME`.
tools=
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  tools="$tools${tools:+,}{\"name\":\"tool_$number\",\"description\":\"Tool $number of $1, which adds two numbers and says what the sum is.\",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\",\"description\":\"The first number\"},\"b\":{\"type\":\"number\",\"description\":\"The second number\"}},\"required\":[\"a\",\"b\"]}}"
done
while read -r line; do
  id=${line##*\"id\":}
  id=${id%%[,\}]*}
  case $line in
    *'"initialize"'*) result='"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"few","version":"1"}}' ;;
    *'"tools/list"'*) result="\"result\":{\"tools\":[$tools]}" ;;
    *'"id"'*) result='"error":{"code":-32601,"message":"Method not found"}' ;;
    *) continue ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$result"
done
