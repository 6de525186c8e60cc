// The library that Zygote preloads, as it was built (ZYGOTE_LIBRARY: its path).
  .section .rodata.zygote_library, "a"
  .balign 8
  .global guest_zygote_library, guest_zygote_library_size
guest_zygote_library:
  .incbin ZYGOTE_LIBRARY
end:
  .balign 8
guest_zygote_library_size:
  .8byte end - guest_zygote_library
  .section .note.GNU-stack, ""
