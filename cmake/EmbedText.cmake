# cmake -DINPUT=page.html -DOUTPUT=page.cc -DNAMESPACE=kiln::x -DNAME=kPage -P EmbedText.cmake
# Writes a text file as a constant of a program: `extern const std::string_view NAME` in NAMESPACE.
file(READ "${INPUT}" text)
if(text MATCHES "\\)embedded\"")
  message(FATAL_ERROR "${INPUT} contains the end of the literal it is put into")
endif()
# Compilers take literals of any length when they are in pieces.
string(LENGTH "${text}" length)
set(pieces "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND pieces "\nR\"embedded(${piece})embedded\"")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE "${OUTPUT}" "#include <string_view>\nnamespace ${NAMESPACE} {\nextern const std::string_view ${NAME};\nconst std::string_view ${NAME} =${pieces};\n}\n")
